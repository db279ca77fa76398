import { invariant } from "../diagnostics/invariant.ts";
import { runtimeBundle } from "../embedded/runtime-bundle.ts";
import { comment, type TextFile } from "./typed-module.ts";

/**
 * The runtime, and a model's generated modules after it, as one module that imports nothing, `<name>.bundle.js`: it has what
 * they export and what `cnxc/runtime` does. The modules import the runtime whole, as `runtime`, and one another's exports under
 * their own names, so that without these lines they are one text.
 */
export function bundleFiles(
  name: string,
  modules: readonly TextFile[],
  banner: readonly string[],
): readonly TextFile[] {
  const scripts = modules.filter(({ path }) => path.endsWith(".js"));
  const bodies = scripts.map(({ contents }) => contents.replace(comment(banner), "").replace(linking, "").trim());
  const names = bodies.flatMap(exportsOf);
  const left = bodies.find(body => /^import\b/m.test(body));
  invariant(left === undefined && new Set(names).size === names.length, "generated modules cannot be one");
  const rest = runtimeBundle.names.filter(other => !names.includes(other));
  const first = comment(banner);
  const parts = [runtimeBundle.text, ...bodies, `export const { ${rest.join(", ")} } = runtime;`];
  return [
    { path: `${name}.bundle.js`, contents: `${first}\n${parts.join("\n\n")}\n` },
    { path: `${name}.bundle.d.ts`, contents: `${first}\n${declarations(modules)}` },
  ];
}

const linking = /^(?:import .*|export \{.*\});\n/gm;

const exportsOf = (script: string): readonly string[] =>
  [...script.matchAll(/^export (?:async )?(?:const|function) (\w+)/gm)].map(([, exported = ""]) => exported);

/** By name, since the modules' own `createModel` and the like stand before those of the runtime. */
function declarations(modules: readonly TextFile[]): string {
  const lines = modules.flatMap(({ path, contents }) => {
    if (!path.endsWith(".d.ts")) return [];
    const found = contents.matchAll(/^export (?:declare )?(interface|type|const|function) (\w+)/gm);
    const names = [...found].map(([, kind = "", name = ""]) => (/interface|type/.test(kind) ? `type ${name}` : name));
    return names.length === 0 ? [] : [`export { ${names.join(", ")} } from "./${path.replace(/\.d\.ts$/, ".js")}";\n`];
  });
  return `${lines.join("")}export * from "cnxc/runtime";\n`;
}
