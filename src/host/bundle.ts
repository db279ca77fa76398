import { invariant } from "../diagnostics/invariant.ts";
import { runtimeBundle } from "../embedded/runtime-bundle.ts";
import { comment, type TextFile } from "./typed-module.ts";

/**
 * The runtime, and a model's generated modules after it, as one module that imports nothing, `<name>.bundle.js`: it has what
 * they export and what `cnxc/runtime` does, where two have a name what the first of them has. Each module is a function that
 * gives its exports. What runs the model without WebGPU stays outside, and is imported where it is wanted.
 */
export function bundleFiles(
  name: string,
  modules: readonly TextFile[],
  banner: readonly string[],
): readonly TextFile[] {
  const scripts = modules.flatMap(({ path, contents }) =>
    path.endsWith(".js") ? [parse(path, contents.replace(comment(banner), ""))] : [],
  );
  const taken = new Set<string>();
  const shown = scripts.map(({ path, exported }) => {
    const names = exported.filter(each => !taken.has(each));
    for (const each of names) taken.add(each);
    return names.length === 0 ? "" : `export const { ${names.join(", ")} } = ${exportsOf(path)};\n`;
  });
  const rest = runtimeBundle.names.filter(other => !taken.has(other));
  const first = comment(banner);
  const parts = [runtimeBundle.text, ...inOrder(scripts).map(asFunction)];
  const exports = `${shown.join("")}export const { ${rest.join(", ")} } = runtime;\n`;
  return [
    { path: `${name}.bundle.js`, contents: `${first}\n${parts.join("\n\n")}\n\n${exports}` },
    { path: `${name}.bundle.d.ts`, contents: `${first}\n${declarations(modules)}` },
  ];
}

interface Script {
  readonly path: string;
  /** Less what it imports and what it exports by name alone. */
  readonly body: string;
  /** By what it is imported from: names there, and here where they differ. */
  readonly imports: readonly { readonly from: string; readonly names: string }[];
  readonly exported: readonly string[];
}

const importing = /^import (?:\* as runtime|(\{.*\})) from (".*");\n/gm;
const exporting = /^export \{ (.*) \};\n/gm;
const declaring = /^export ((?:async )?(?:const|function) (\w+))/gm;
const dynamic = /import\("(\.\/.*?)"\)/g;

function parse(path: string, text: string): Script {
  const imports = [...text.matchAll(importing)].flatMap(([, names, quoted = ""]) =>
    names === undefined ? [] : [{ from: quoted.slice(1, -1), names: names.replaceAll(/ as /g, ": ") }],
  );
  const again = [...text.matchAll(exporting)].flatMap(([, names = ""]) => names.split(", "));
  const declared = [...text.matchAll(declaring)].map(([, , exported = ""]) => exported);
  const body = text.replaceAll(importing, "").replaceAll(exporting, "").replaceAll(declaring, "$1");
  invariant(!/^(?:import|export)\b/m.test(body), `'${path}' cannot be part of one file`);
  const loaded = body.replaceAll(dynamic, (_, from) => `Promise.resolve(${exportsOf(from)})`);
  return { path, body: loaded.trim(), imports, exported: [...declared, ...again] };
}

/** What a module's exports are called. */
const exportsOf = (path: string): string =>
  path === "cnxc/runtime" ? "runtime" : `of_${path.replace(/^\.\//, "").replace(/\.js$/, "")}`;

/** Each after what it imports. What is loaded when it is wanted may come later. */
function inOrder(scripts: readonly Script[]): readonly Script[] {
  const placed = new Set<Script>();
  const place = (script: Script): void => {
    if (placed.has(script)) return;
    for (const { from } of script.imports) for (const other of scripts) if (`./${other.path}` === from) place(other);
    placed.add(script);
  };
  scripts.forEach(place);
  return [...placed];
}

const asFunction = ({ path, body, imports, exported }: Script): string => {
  const given = imports.map(({ from, names }) => `const ${names} = ${exportsOf(from)};\n`).join("");
  return `const ${exportsOf(path)} = (() => {\n${given}${body}\nreturn { ${exported.join(", ")} };\n})();`;
};

/** By name, since the modules' own `createModel` and the like stand before those of the runtime. */
function declarations(modules: readonly TextFile[]): string {
  const taken = new Set<string>();
  const lines = modules.flatMap(({ path, contents }) => {
    if (!path.endsWith(".d.ts")) return [];
    const found = [...contents.matchAll(/^export (?:declare )?(interface|type|const|function) (\w+)/gm)];
    const names = found.flatMap(([, kind = "", name = ""]) => {
      if (taken.has(name)) return [];
      taken.add(name);
      return [/interface|type/.test(kind) ? `type ${name}` : name];
    });
    return names.length === 0 ? [] : [`export { ${names.join(", ")} } from "./${path.replace(/\.d\.ts$/, ".js")}";\n`];
  });
  return `${lines.join("")}export * from "cnxc/runtime";\n`;
}
