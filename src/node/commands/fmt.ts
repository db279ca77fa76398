import { error } from "../../diagnostics/messages.ts";
import type { AddCommand } from "../command.ts";
import { type Outcome, type Output, outcome } from "../outcome.ts";
import { replaceFile } from "../replace-file.ts";
import { runJob } from "../run-job.ts";

export const addFmt: AddCommand = (program, execute) => {
  program
    .command("fmt")
    .description("lay specs out in the one way")
    .argument("<spec...>", "spec files, - for standard input to standard output")
    .option("--check", "change nothing; exit with 1 if a spec is laid out otherwise")
    .action((specs: string[], options: { readonly check?: boolean }) =>
      execute(() => formatSpecs(specs, options.check ?? false)),
    );
};

async function formatSpecs(specs: readonly string[], checkOnly: boolean): Promise<Outcome> {
  const outcomes: Outcome[] = [];
  for (const spec of specs) outcomes.push(await formatOne(spec, checkOnly));
  return outcome({
    diagnostics: outcomes.flatMap(({ diagnostics }) => diagnostics),
    outputs: outcomes.flatMap(({ outputs }) => outputs),
    text: outcomes.map(({ text }) => text).join(""),
  });
}

async function formatOne(spec: string, checkOnly: boolean): Promise<Outcome> {
  const result = await runJob("fmt", [spec]);
  if (!result.ok) return outcome(result);
  const { before, after } = result.value;
  const output = (status: Output["status"]): readonly Output[] => [{ path: spec, status }];
  if (checkOnly) {
    if (before === after) return outcome({ outputs: output("unchanged") });
    return outcome({
      diagnostics: [error("not-formatted", { file: spec, offset: null })],
      outputs: output("stale"),
    });
  }
  if (spec === "-") return outcome({ text: after });
  if (before === after) return outcome({ outputs: output("unchanged") });
  const failure = await replaceFile(spec, after);
  return failure === null ? outcome({ outputs: output("written") }) : outcome({ diagnostics: [failure] });
}
