import { ok, type Result } from "../../diagnostics/diagnostic.ts";
import { loadProgram } from "../program.ts";

const count = (n: number, what: string): readonly string[] => (n === 0 ? [] : [`${n} ${what}${n === 1 ? "" : "s"}`]);

/** What a spec declares, in a few words. */
export function check(file: string, root: string | null): Result<string> {
  const loaded = loadProgram(file, root);
  if (!loaded.ok) return loaded;
  const { declared, builds, sweeps } = loaded.value.program;
  const parts = [
    ...count(declared.length, "model"),
    ...count(builds.length, "build"),
    ...count(sweeps.length, "sweep"),
  ];
  return ok(parts.join(", ") || "imports only", loaded.diagnostics);
}
