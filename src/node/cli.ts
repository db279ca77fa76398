#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { exitCodes } from "../diagnostics/exit-codes.ts";
import { error } from "../diagnostics/messages.ts";
import { commands } from "./commands.ts";
import { crash } from "./crash.ts";
import { Failure } from "./failure.ts";
import { installSignals } from "./interrupt.ts";
import { type Outcome, outcome } from "./outcome.ts";
import { exitCodeOf, render } from "./report.ts";
import { examples, usageError, wantsJson } from "./usage.ts";
import { version } from "./version.ts";

/** From the words of the command line to everything that is to be said. */
async function main(words: readonly string[]): Promise<Outcome> {
  let result = outcome({});
  const program = new Command("cnxc")
    .description("Compiles a short ConvNeXt V2 spec to WGSL kernels with a typed host module, and to ONNX graphs.")
    .version(version, "-V, --version", "print the version")
    .addHelpText("after", examples);
  for (const add of commands)
    add(program, async work => {
      result = await work();
    });
  for (const command of withSubcommands(program))
    command
      .exitOverride()
      .configureOutput({ outputError: () => {} })
      .option("--json", "print one JSON object: schemaVersion, ok, diagnostics, outputs");
  if (words.length === 0)
    return outcome({
      diagnostics: [error("usage", null, "a command is missing")],
      notes: [`\n${program.helpInformation()}${examples}`.trimEnd()],
    });
  try {
    process.cwd();
  } catch {
    return outcome({ diagnostics: [error("current-directory-gone", null)] });
  }
  try {
    await program.parseAsync([...words], { from: "user" });
    return result;
  } catch (cause) {
    if (cause instanceof Failure) return outcome({ diagnostics: [cause.diagnostic] });
    if (!(cause instanceof CommanderError)) throw cause;
    return cause.exitCode === 0 ? outcome({ exitCode: 0 }) : outcome({ diagnostics: [usageError(cause)] });
  }
}

const withSubcommands = (command: Command): readonly Command[] => [
  command,
  ...command.commands.flatMap(withSubcommands),
];

const words = process.argv.slice(2);
const json = wantsJson(words);

/** Prints, and ends the process when both streams have taken everything: drivers may keep it alive for ever. */
function finish(result: Outcome): void {
  const { stdout, stderr } = render(result, json);
  process.stderr.write(stderr, () => process.stdout.write(stdout, () => process.exit(exitCodeOf(result))));
}

process.stdout.on("error", () => {
  process.stderr.write(render(outcome({ diagnostics: [error("pipe-closed", null)] }), false).stderr);
  process.exit(exitCodes.E_IO_PIPE);
});
process.stderr.on("error", () => {}); // nobody is left to tell
process.on("uncaughtException", cause => finish(crash(cause))); // and every rejection that nobody awaits
installSignals();
main(words).then(finish, (cause: unknown) => finish(crash(cause)));
