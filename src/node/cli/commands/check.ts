import { readStdin } from "../../files/read.ts";
import { runJob } from "../../jobs/run-job.ts";
import type { AddCommand } from "../command.ts";

export const addCheck: AddCommand = (program, execute) => {
  program
    .command("check")
    .description("say what is wrong with specs, or what they declare")
    .argument("<spec...>", "spec files, - for standard input")
    .option("--root <folder>", "the folder that imports may not leave (default: the spec's own)")
    .action((specs: string[], options: { readonly root?: string }) =>
      execute(async () => runJob("check", [specs, options.root ?? null, await readStdin(specs)])),
    );
};
