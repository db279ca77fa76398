import { Command, CommanderError } from "commander";
import { Failure } from "../../diagnostics/failure.ts";
import { error } from "../../diagnostics/messages.ts";
import { forgetReads } from "../files/read-so-far.ts";
import { type Outcome, outcome } from "../outcome/outcome.ts";
import { version } from "../process/version.ts";
import { commands } from "./commands.ts";
import { examples, usageError } from "./usage.ts";
import { checkWeightsOptions } from "./weights-options.ts";

/** From the words of the command line to everything that is to be said. */
export async function runCommandLine(words: readonly string[]): Promise<Outcome> {
  forgetReads();
  let result = outcome({});
  let help = "";
  const program = new Command("cnxc")
    .description(
      "Compiles a short ConvNeXt V2 spec to WGSL kernels with a typed host module, CUDA libraries and ONNX graphs.",
    )
    .version(version, "-V, --version", "print the version")
    .addHelpText("after", examples);
  program.hook("preAction", (_, command) => checkWeightsOptions(command));
  for (const add of commands)
    add(program, async work => {
      result = await work();
    });
  for (const command of withSubcommands(program))
    command
      .exitOverride()
      .configureOutput({
        outputError: () => {},
        writeOut: text => {
          help += text;
        },
      })
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
    return cause.exitCode === 0 ? outcome({ exitCode: 0, text: help }) : outcome({ diagnostics: [usageError(cause)] });
  }
}

const withSubcommands = (command: Command): readonly Command[] => [
  command,
  ...command.commands.flatMap(withSubcommands),
];
