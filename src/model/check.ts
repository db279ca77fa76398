import { type Diagnostic, fail, ok, type Result } from "../diagnostics/diagnostic.ts";
import { error } from "../diagnostics/messages.ts";
import { nearestOf } from "../diagnostics/nearest.ts";
import type { Ast, Declaration } from "../syntax/ast.ts";
import { limits } from "../syntax/limits.ts";
import { assemble } from "./assemble.ts";
import { checkBuild } from "./builds.ts";
import { inheritedFrom } from "./fields.ts";
import { inherit } from "./inherit.ts";
import type { Build, Model, Program, Recipe, Sweep } from "./model.ts";
import { byName } from "./names.ts";
import { checkRecipe } from "./recipes.ts";
import { checkSweep } from "./sweeps.ts";

/** The models, sweeps, builds and recipes of files in the order of `load`, the named one last; or everything wrong with them. */
export function check(files: readonly Ast[]): Result<Program> {
  const declarations = files.flatMap(file => file.declarations);
  const over = declarations[limits.declarations];
  if (over !== undefined) return fail(error("too-many-declarations", over.name.span, limits.declarations));

  const diagnostics: Diagnostic[] = [];
  const report = (diagnostic: Diagnostic) => diagnostics.push(diagnostic);
  const ofKind = <K extends Declaration["kind"]>(kind: K) =>
    declarations.filter((declaration): declaration is Extract<Declaration, { kind: K }> => declaration.kind === kind);

  const declared = byName(ofKind("model"), report);
  const nearest = nearestOf(declared.keys());
  const settings = inherit({ models: declared, nearest, report });
  const assembled = new Map<string, Model>();
  // Ancestors come first; what is wrong with one of them is not told again of its children.
  for (const [text, own] of settings) {
    const { name, parent } = declared.get(text) ?? {};
    if (own === null || name === undefined || (parent && !assembled.has(parent.text))) continue;
    const model = assemble(text, own, name.span, report);
    if (model !== null) assembled.set(text, model);
  }

  const sweeps: Sweep[] = [];
  for (const declaration of byName(ofKind("sweep"), report).values()) {
    const { text, span } = declaration.parent;
    const base = settings.get(text);
    if (!declared.has(text)) report(error("unknown-model", span, text, nearest(text)));
    if (base) sweeps.push(checkSweep(declaration, inheritedFrom(base), report));
  }

  const builds: Build[] = [];
  for (const declaration of byName(ofKind("build"), report).values()) {
    const build = checkBuild(declaration, declared, nearest, report);
    if (build !== null) builds.push(build);
  }

  const recipes = new Map<string, Recipe>();
  for (const [text, declaration] of byName(ofKind("train"), report)) {
    const recipe = checkRecipe(declaration, { declared, assembled, nearest, report });
    if (recipe !== null) recipes.set(text, recipe);
  }

  const sorted = inOrder(diagnostics, files);
  if (sorted.some(({ severity }) => severity === "error")) return fail(...sorted);
  const last = files.at(-1);
  const own = [...declared.values()].filter(model => model.span.source === last?.source);
  const models = new Map([...declared.keys()].flatMap(name => toPair(name, assembled.get(name))));
  return ok({ models, declared: own.map(({ name }) => name.text), builds, sweeps, recipes }, sorted);
}

const toPair = (name: string, model: Model | undefined): readonly (readonly [string, Model])[] =>
  model === undefined ? [] : [[name, model]];

/** As a reader meets them, each once: a field that a child inherits is wrong in one place only. */
function inOrder(diagnostics: readonly Diagnostic[], files: readonly Ast[]): readonly Diagnostic[] {
  const order = new Map(files.map(({ source }, i) => [source, i]));
  const placed = diagnostics.map(diagnostic => {
    const { place } = diagnostic;
    const span = place !== null && "source" in place ? place : null;
    return { diagnostic, file: (span && order.get(span.source)) ?? -1, start: span?.start ?? -1 };
  });
  placed.sort((a, b) => a.file - b.file || a.start - b.start);
  const unique = new Map(
    placed.map(p => [`${p.file}:${p.start}:${p.diagnostic.code}:${p.diagnostic.message}`, p.diagnostic]),
  );
  return [...unique.values()];
}
