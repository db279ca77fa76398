import { error } from "../../../diagnostics/messages.ts";
import { readStdin } from "../../files/read.ts";
import { replaceFile } from "../../files/write-file.ts";
import type { Formatted } from "../../jobs/fmt.ts";
import { runJob } from "../../jobs/run-job.ts";
import { type Outcome, type Output, outcome } from "../../outcome/outcome.ts";
import type { AddCommand } from "../command.ts";

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
  for (const formatted of await runJob("fmt", [specs, await readStdin(specs)]))
    outcomes.push(await settle(formatted, checkOnly));
  return outcome({
    diagnostics: outcomes.flatMap(({ diagnostics }) => diagnostics),
    outputs: outcomes.flatMap(({ outputs }) => outputs),
    text: outcomes.map(({ text }) => text).join(""),
  });
}

async function settle({ file, result }: Formatted, checkOnly: boolean): Promise<Outcome> {
  if (!result.ok) return outcome(result);
  const { before, after } = result.value;
  const output = (status: Output["status"]): readonly Output[] => [{ path: file, status }];
  if (file === "-" && !checkOnly) return outcome({ text: after });
  if (before === after) return outcome({ outputs: output("unchanged") });
  if (checkOnly) {
    const place = { file, offset: null };
    return outcome({ diagnostics: [error("not-formatted", place)], outputs: output("stale") });
  }
  const failure = await replaceFile(file, after);
  return failure === null ? outcome({ outputs: output("written") }) : outcome({ diagnostics: [failure] });
}
