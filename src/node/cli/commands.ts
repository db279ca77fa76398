import type { AddCommand } from "./command.ts";
import { addCalibrate } from "./commands/calibrate.ts";
import { addCheck } from "./commands/check.ts";
import { addClassify } from "./commands/classify.ts";
import { addCompile } from "./commands/compile.ts";
import { addExplore } from "./commands/explore.ts";
import { addFmt } from "./commands/fmt.ts";
import { addImport } from "./commands/import.ts";
import { addInfo } from "./commands/info.ts";
import { addInspect } from "./commands/inspect.ts";
import { addReconstruct } from "./commands/reconstruct.ts";
import { addRun } from "./commands/run.ts";
import { addTrain } from "./commands/train.ts";
import { addTune } from "./commands/tune.ts";
import { addVerify } from "./commands/verify.ts";
import { addWeights } from "./commands/weights.ts";

/** Every command of cnxc, in the order of `--help`. They import what is heavy only when they run. */
export const commands: readonly AddCommand[] = [
  addCompile,
  addRun,
  addTrain,
  addVerify,
  addClassify,
  addReconstruct,
  addWeights,
  addImport,
  addExplore,
  addCalibrate,
  addTune,
  addInfo,
  addInspect,
  addCheck,
  addFmt,
];
