#!/usr/bin/env node
import { runCommandLine } from "./cli/program.ts";
import { wantsJson } from "./cli/usage.ts";
import { removeOwnFolders } from "./files/temp-folder.ts";
import { crash } from "./outcome/crash.ts";
import { finish } from "./outcome/finish.ts";
import { installSignals } from "./process/interrupt.ts";
import { keepToOurselves } from "./process/privacy.ts";

const words = process.argv.slice(2);
const json = wantsJson(words);

keepToOurselves();
process.on("uncaughtException", cause => finish(crash(cause), json)); // and every rejection that nobody awaits
process.stderr.on("error", () => {}); // progress that nobody reads
installSignals(removeOwnFolders);
runCommandLine(words).then(
  result => finish(result, json),
  (cause: unknown) => finish(crash(cause), json),
);
