import type { OpName } from "../../graph/ops.ts";
import { allPasses } from "../../passes/all.ts";

/** Everything but `grn`, which `split-grn` takes apart. */
const legal: readonly OpName[] = [
  "input",
  "param",
  "toChannelsLast",
  "toChannelsFirst",
  "patchConv",
  "depthwise",
  "linear",
  "layernorm",
  "normalize",
  "gelu",
  "sumSquares",
  "grnScale",
  "scaleChannels",
  "shiftChannels",
  "add",
  "meanSites",
  "scaleInputs",
  "scaleOutputs",
  "biasThrough",
];

/** What the WGSL target does to a graph before it is scheduled. */
export const wgslPasses = { passes: allPasses, legal: new Set(legal) } as const;
