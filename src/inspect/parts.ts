import type { ValueId } from "../graph/graph.ts";
import type { Model } from "../model/model.ts";

/**
 * The part of the network that a value belongs to: `stem`; `stages.0` and so on, each with the downsampling before it;
 * and what stands behind them, `head` or `decoder`.
 */
export function partOf(id: ValueId, model: Pick<Model, "head">): string {
  if (/^(downsample_layers\.0\.|mask\.|pixel_values)/.test(id)) return "stem";
  const [, stage] = /^(?:downsample_layers|stages)\.(\d+)\./.exec(id) ?? [];
  return stage === undefined ? lastPart(model) : `stages.${stage}`;
}

/** Every part of a model, in the order of the network. */
export const partNames = (model: Pick<Model, "head" | "stages">): readonly string[] => [
  "stem",
  ...model.stages.map((_, i) => `stages.${i}`),
  lastPart(model),
];

const lastPart = ({ head }: Pick<Model, "head">): string => (head.kind === "fcmae" ? "decoder" : "head");
