import type { OpName } from "../../graph/ops.ts";
import { foldingPasses, groupingPasses } from "../../passes/all.ts";

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
  "maskSites",
  "fillSites",
  "patchTable",
  "gatherSites",
  "scatterSites",
  "siteDepthwise",
  "averagePool",
  "patchify",
  "standardize",
  "siteError",
  "maskedMean",
  "scaleInputs",
  "scaleOutputs",
  "biasThrough",
];

/** What the WGSL target does to a graph before it is scheduled. */
export const wgslPasses = { passes: [...foldingPasses, ...groupingPasses], legal: new Set(legal) } as const;
