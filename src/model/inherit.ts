import type { Span } from "../diagnostics/diagnostic.ts";
import { error } from "../diagnostics/messages.ts";
import type { Nearest } from "../diagnostics/nearest.ts";
import type { ModelDeclaration } from "../syntax/ast.ts";
import { inheritedFrom, type ModelSettings, modelFields } from "./fields.ts";
import { type Report, readFields } from "./read.ts";

/** What inheritance has to know of all models. */
export interface Family {
  readonly models: ReadonlyMap<string, ModelDeclaration>;
  readonly nearest: Nearest;
  readonly report: Report;
}

/**
 * The fields of every model: those it has from its parent, replaced by its own. Null for a model that is wrong or has a wrong ancestor;
 * what is wrong is reported once, where it stands.
 */
export function inherit(family: Family): ReadonlyMap<string, ModelSettings | null> {
  const settled = new Map<string, ModelSettings | null>();
  for (const declaration of family.models.values()) {
    const line = ancestors(declaration, settled, family);
    let inherited: ModelSettings | null = line.root;
    for (const model of line.models.reverse()) {
      const where = { owner: "a model", path: "" };
      const own = readFields(modelFields, model.body.fields, where, family.report);
      inherited = inherited && own && { ...inheritedFrom(inherited), ...own };
      settled.set(model.name.text, inherited);
    }
  }
  return settled;
}

/** A model and those above it that are not settled yet, and the fields they start from. */
function ancestors(
  declaration: ModelDeclaration,
  settled: ReadonlyMap<string, ModelSettings | null>,
  family: Family,
): { readonly root: ModelSettings | null; readonly models: ModelDeclaration[] } {
  const models = new Map<string, ModelDeclaration>();
  let model: ModelDeclaration | undefined = declaration;
  while (model !== undefined) {
    const before = settled.get(model.name.text);
    if (before !== undefined) return { root: before, models: [...models.values()] };
    models.set(model.name.text, model);
    if (model.parent === null) return { root: {}, models: [...models.values()] };
    const parent = model.parent.text;
    if (models.has(parent)) {
      reportCycle([...models.keys()], parent, model.parent.span, family.report);
      break;
    }
    const next = family.models.get(parent);
    if (next === undefined) family.report(error("unknown-model", model.parent.span, parent, family.nearest(parent)));
    model = next;
  }
  return { root: null, models: [...models.values()] };
}

function reportCycle(line: readonly string[], again: string, span: Span, report: Report): void {
  report(error("inherit-cycle", span, [...line.slice(line.indexOf(again)), again]));
}
