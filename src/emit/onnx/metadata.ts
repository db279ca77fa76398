import { totalStride } from "../../model/model.ts";
import type { EmitContext } from "../target.ts";
import { preprocessing } from "./preprocessing.ts";

/** What the file says about itself. No clock and no machine, so that the same spec and weights give the same bytes. */
export const metadata = (context: EmitContext): readonly (readonly [string, string])[] => [
  ["cnxc.spec_sha256", context.specHash],
  ["cnxc.variant", context.model.name],
  ["cnxc.weights", context.weights?.origin ?? "none"],
  ["cnxc.preprocessing", JSON.stringify(preprocessing(context.model.input))],
  [
    "cnxc.license",
    "The graph is generated and carries no licence of its own. The weights keep theirs: those published for ConvNeXt V2 are CC-BY-NC-4.0.",
  ],
];

export function describe({ model }: EmitContext): string {
  const { input, stages, stem } = model;
  const depths = stages.map(stage => stage.depth).join(",");
  const dims = stages.map(stage => stage.dim).join(",");
  const stride = totalStride(stem.patch, stages.length);
  return `ConvNeXt model ${model.name}: depths ${depths}, dims ${dims}, stride ${stride}, input [batch,${input.channels},${input.height},${input.width}] float32.`;
}
