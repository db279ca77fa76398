#!/usr/bin/env node
import { exitCodes } from "../diagnostics/exit-codes.ts";
import { error } from "../diagnostics/messages.ts";
import { runCommandLine } from "./cli/program.ts";
import { wantsJson } from "./cli/usage.ts";
import { crash } from "./outcome/crash.ts";
import { type Outcome, outcome } from "./outcome/outcome.ts";
import { exitCodeOf, render } from "./outcome/render.ts";
import { installSignals } from "./process/interrupt.ts";

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
runCommandLine(words).then(finish, (cause: unknown) => finish(crash(cause)));
