import { type Model, patchGrid, totalStride, usualProblem } from "../../model/model.ts";
import type { EmitContext } from "../target.ts";
import { preprocessing } from "./preprocessing.ts";

/** What the file says about itself. No clock and no machine, so that the same spec and weights give the same bytes. */
export const metadata = (context: EmitContext): readonly (readonly [string, string])[] => [
  ["cnxc.spec_sha256", context.specHash],
  ["cnxc.variant", context.model.name],
  ["cnxc.weights", context.weights?.origin ?? "none"],
  ...(context.weights?.license === undefined ? [] : [["cnxc.weights_license", context.weights.license] as const]),
  ["cnxc.preprocessing", JSON.stringify(preprocessing(context.model))],
  ...naming(context.model),
  ...masking(context.model),
  ["cnxc.license", `The graph is generated and carries no licence of its own. ${weightsLicense(context.weights)}`],
];

/** What the logits stand for. */
function naming({ head }: Model): readonly (readonly [string, string])[] {
  if (head.kind !== "classifier") return [];
  return [
    ...(head.labels === null ? [] : [["cnxc.labels", JSON.stringify(head.labels)] as const]),
    ...(head.problem === usualProblem(head.classes) ? [] : [["cnxc.problem", head.problem] as const]),
  ];
}

/** Of the weights that are in the file, and of no others: who reads it may have trained them. */
function weightsLicense(weights: EmitContext["weights"]): string {
  if (weights === null) return "It holds no weights.";
  return weights.license === undefined
    ? "The weights in it keep theirs, which is not stated where they come from."
    : `The weights in it are under ${weights.license}, as their file says.`;
}

/** What a mask has to be, for whoever draws one. */
function masking({ input, head }: Model): readonly (readonly [string, string])[] {
  if (head.kind !== "fcmae") return [];
  const { patchSize, normPixLoss } = head;
  return [
    ["cnxc.mask", JSON.stringify({ patch_size: patchSize, ...patchGrid(input, head), norm_pix_loss: normPixLoss })],
  ];
}

export function modelDoc({ model, onnx, preprocess = false }: EmitContext): string {
  const { input, stages, stem, head } = model;
  const depths = stages.map(stage => stage.depth).join(",");
  const dims = stages.map(stage => stage.dim).join(",");
  const stride = totalStride(stem.patch, stages.length);
  const planes = `[batch,${input.channels},${input.height},${input.width}]`;
  const anySize = `input [batch,${input.channels},height,width] float32, height and width from ${stride} up`;
  const image = preprocess
    ? `image [batch,height,width,3] uint8 of any size, fitted to ${planes} in the graph`
    : onnx.anySize
      ? anySize
      : `input ${planes} float32`;
  const start = `ConvNeXt model ${model.name}: depths ${depths}, dims ${dims}, stride ${stride}, ${image}`;
  if (head.kind !== "fcmae") return `${start}.`;
  const { rows, columns, keep } = patchGrid(input, head);
  const mask = `mask [batch,${rows * columns}] float32, patches of ${head.patchSize} pixels row by row, 1 removed, 0 kept`;
  return `${start}; masked autoencoder, ${mask}, ${keep} of ${rows * columns} kept in each image; loss over the removed patches of the batch.`;
}
