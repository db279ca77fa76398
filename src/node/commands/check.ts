import type { AddCommand } from "../command.ts";
import { type Outcome, outcome } from "../outcome.ts";
import { runJob } from "../run-job.ts";

export const addCheck: AddCommand = (program, execute) => {
  program
    .command("check")
    .description("say what is wrong with specs, or what they declare")
    .argument("<spec...>", "spec files, - for standard input")
    .option("--root <folder>", "the folder that imports may not leave (default: the spec's own)")
    .action((specs: string[], options: { readonly root?: string }) =>
      execute(() => checkSpecs(specs, options.root ?? null)),
    );
};

async function checkSpecs(specs: readonly string[], root: string | null): Promise<Outcome> {
  const results = [];
  for (const spec of specs) results.push({ spec, result: await runJob("check", [spec, root]) });
  return outcome({
    diagnostics: results.flatMap(({ result }) => result.diagnostics),
    text: results.map(({ spec, result }) => (result.ok ? `${spec}: ${result.value}\n` : "")).join(""),
  });
}
