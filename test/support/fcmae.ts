import { type Values, widen } from "../../src/graph/evaluate.ts";
import type { Graph, ValueId } from "../../src/graph/graph.ts";
import { inputPorts } from "../../src/model/inputs.ts";
import type { Model } from "../../src/model/model.ts";
import { randomMask } from "../../src/runtime/mask.ts";
import { generatorTensor } from "../../src/weights/made/generator.ts";
import { elements, type Weights } from "../../src/weights/tensor.ts";
import type { Golden } from "./golden.ts";
import { feed, model, testInput, testWeights } from "./models.ts";

export { randomFcmae } from "../../src/verify/random-model.ts";

import type { Recorded } from "./tolerance.ts";

export interface FcmaeGolden extends Golden {
  /** [image][patch], 1 removed. */
  readonly mask: readonly (readonly number[])[];
  readonly stem: Recorded;
  readonly grn_scope_batch: Scope;
  readonly grn_scope_sample: Scope;
}

export type Loss = "norm_pix_loss" | "raw_pix_loss";

/** Recorded tensors by official module path, `pred`, and the losses. */
export type Scope = Readonly<Record<string, Recorded>> & {
  readonly loss: Readonly<Record<Loss, number>>;
  readonly loss_per_patch: Readonly<Record<Loss, readonly (readonly number[])[]>>;
};

export const goldenFiles = [
  "micro-128-b2",
  "micro-flat-128-b2",
  "micro-192-b1-depth2",
  "atto-224-b2",
  "tiny-224-b2",
] as const;
export const grnScopes = ["per_sample", "per_batch"] as const;
export const losses = ["norm_pix_loss", "raw_pix_loss"] as const;

/** What a golden file recorded for one scope. */
export const scopeOf = (golden: FcmaeGolden, scope: (typeof grnScopes)[number]): Scope =>
  scope === "per_sample" ? golden.grn_scope_sample : golden.grn_scope_batch;

interface Spec {
  readonly img_size: number;
  readonly in_chans: number;
  readonly depths: number[];
  readonly dims: number[];
  readonly patch_size: number;
  readonly mask_ratio: number;
  readonly decoder_depth: number;
  readonly decoder_embed_dim: number;
}

export function fcmaeModel(golden: Golden, grn: Model["grn"], loss: Loss): Model {
  const spec = golden.spec as unknown as Spec;
  return model({
    name: golden.name.replaceAll("-", "_"),
    depths: spec.depths,
    dims: spec.dims,
    input: { height: spec.img_size, width: spec.img_size, channels: spec.in_chans },
    grn,
    head: {
      kind: "fcmae",
      maskRatio: spec.mask_ratio,
      patchSize: spec.patch_size,
      decoder: { depth: spec.decoder_depth, dim: spec.decoder_embed_dim },
      normPixLoss: loss === "norm_pix_loss",
    },
  });
}

/** The same as a user writes it. */
export function fcmaeSpecText(golden: Golden, grn: Model["grn"], loss: Loss): string {
  const spec = golden.spec as unknown as Spec;
  return `model golden {
  depths [${spec.depths.join(", ")}]
  dims [${spec.dims.join(", ")}]
  input ${spec.img_size}x${spec.img_size}x${spec.in_chans}
  grn ${grn}
  head fcmae {
    mask_ratio ${spec.mask_ratio}
    patch_size ${spec.patch_size}
    decoder { depth ${spec.decoder_depth}  dim ${spec.decoder_embed_dim} }
    norm_pix_loss ${loss === "norm_pix_loss"}
  }
}
`;
}

/** The file's weights under dense names, by the formulas of test/golden/README.md, "Checkpoint keys: FCMAE to dense". */
export function denseWeights({ name: file, seed, params }: Golden): Weights {
  const rows = new Map(params.map(row => [denseName(row[0]), row]));
  return {
    origin: `golden:${file}`,
    f32: async name => {
      const [key, shape, mean, halfwidth] = rows.get(name) ?? ["", [], 0, 0];
      const values = generatorTensor(seed, key, elements(shape), mean, halfwidth);
      return key.endsWith(".kernel") ? denseKernel(values, shape) : values;
    },
  };
}

export const denseName = (key: string): string =>
  key
    .replace(/^encoder\./, "")
    .replace(/\.(ln|linear)\./, ".")
    .replace(/\.kernel$/, ".weight");

/** w[c,0,y,x] = k[y + 7x, c]; w[o,i,y,x] = k[y + 2x, i, o]. */
function denseKernel(values: Float32Array, shape: readonly number[]): Float32Array {
  const [taps, inputs, outputs] = (shape.length === 2 ? [shape[0], 1, shape[1]] : shape) as [number, number, number];
  const side = Math.sqrt(taps);
  const dense = new Float32Array(values.length);
  let to = 0;
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < inputs; i++)
      for (let y = 0; y < side; y++)
        for (let x = 0; x < side; x++) dense[to++] = values[((y + side * x) * inputs + i) * outputs + o] as number;
  return dense;
}

/** What such a model takes: a batch of images, and a mask for each. */
export function fcmaeInputs(
  given: Model,
  batch: number,
  seed: number,
): Record<"pixel_values" | "mask", Float32Array<ArrayBuffer>> {
  const [, mask] = inputPorts(given);
  const masks = randomMask(seed, { batch, patches: mask?.shape[0] ?? 0, keep: mask?.keep ?? 0 });
  return { pixel_values: Float32Array.from(testInput(given, batch, seed)), mask: masks };
}

/** The same for the interpreter. */
export async function feedFcmae(
  graph: Graph,
  given: Model,
  batch: number,
  seed: number,
): Promise<Map<ValueId, Values>> {
  const inputs = fcmaeInputs(given, batch, seed);
  const values = await feed(graph, testWeights(graph, seed), inputs.pixel_values, batch);
  values.set("mask", widen([batch, inputs.mask.length / batch], inputs.mask));
  return values;
}
