import type { SafetensorsRow } from "./safetensors-build.ts";
import { headerRows } from "./safetensors-header.ts";
import { layoutRows } from "./safetensors-layout.ts";
import { otherRows } from "./safetensors-other.ts";

export { corpusParams, corpusSpec, type Outcome, type SafetensorsRow } from "./safetensors-build.ts";

/** Tensor files and the outcome each must give: group F of the list of bad inputs, and the rows of group W about names. */
export const safetensorsCorpus: readonly SafetensorsRow[] = [...otherRows, ...headerRows, ...layoutRows];
