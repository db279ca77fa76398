import { shownPath } from "../../diagnostics/escape.ts";
import { loadProgram } from "../inputs/program.ts";
import { type Outcome, outcome } from "../outcome/outcome.ts";

const count = (n: number, what: string): readonly string[] => (n === 0 ? [] : [`${n} ${what}${n === 1 ? "" : "s"}`]);

/** What is wrong with specs; of those that are right, what they declare. */
export function check(files: readonly string[], root: string | null, stdin: Uint8Array | null): Outcome {
  const results = files.map(file => ({ file, loaded: loadProgram(file, root, stdin) }));
  const lines = results.map(({ file, loaded }) => {
    if (!loaded.ok) return "";
    const { declared, builds, sweeps, recipes } = loaded.value.program;
    const parts = [
      ...count(declared.length, "model"),
      ...count(builds.length, "build"),
      ...count(sweeps.length, "sweep"),
      ...count(recipes.size, "recipe"),
    ];
    return `${shownPath(file)}: ${parts.join(", ") || "imports only"}\n`;
  });
  return outcome({ diagnostics: results.flatMap(({ loaded }) => loaded.diagnostics), text: lines.join("") });
}
