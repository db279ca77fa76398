import { fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { invariant } from "../../diagnostics/invariant.ts";
import { error } from "../../diagnostics/messages.ts";
import type { Model, Recipe } from "../../model/model.ts";
import { elements, type Param, type Weights } from "../tensor.ts";
import { normalStream, uniformStream } from "./streams.ts";

/** How a tensor starts: all one value; normal of mean 0, drawn again outside ±2; or uniform within ±1/√(inputs). */
type Init =
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "normal"; readonly std: number }
  | { readonly kind: "uniform" };

interface InitRow {
  readonly name: RegExp;
  /** Only for tensors of so many dimensions, where given. */
  readonly rank?: number;
  readonly init: Init;
}

const constant = (value: number): Init => ({ kind: "constant", value });
const normal = (std: number): Init => ({ kind: "normal", std });

/**
 * The published initialisation of the classifier (models/convnextv2.py, `_init_weights`), first match wins. The head's
 * constructor multiplies it by head_init_scale, whose default is 1. `layerScale` is V1's, which the spec states.
 */
const dense = (layerScale: number, std: number): readonly InitRow[] => [
  { name: /\.grn\.(gamma|beta)$/, init: constant(0) },
  { name: /\.gamma$/, init: constant(layerScale) },
  { name: /\.bias$/, init: constant(0) },
  { name: /\.weight$/, rank: 1, init: constant(1) },
  { name: /\.(weight|kernel)$/, init: normal(std) },
];

const publishedStd = 0.02;

/**
 * What the masked autoencoder does otherwise (models/fcmae.py): `trunc_normal_` without a std, so 1, for depthwise
 * kernels, the encoder's linear layers and all ordinary convolutions; the decoder's linear layers as torch leaves them.
 */
const fcmae: readonly InitRow[] = [
  { name: /^mask_token$/, init: normal(publishedStd) },
  { name: /^decoder\.\d+\.pwconv[12]\.(weight|bias)$/, init: { kind: "uniform" } },
  { name: /\.bias$/, init: constant(0) },
  { name: /dwconv\.(weight|kernel)$/, init: normal(1) },
  { name: /pwconv[12](\.linear)?\.weight$/, init: normal(1) },
  { name: /^(proj|pred|(encoder\.)?downsample_layers\.0\.0)\.weight$/, init: normal(1) },
];

/** Parameters as a recipe draws them; `std` in the place of what it says. */
export const drawnBy = (
  { seed, init }: Pick<Recipe, "seed" | "init">,
  { layerScale }: Pick<Model, "layerScale">,
  params: readonly Param[],
  std: number | null = init,
): Weights => randomWeights(seed, params, layerScale ?? undefined, std);

/**
 * Freshly initialised parameters: the same for the same seed on every machine, each tensor from a stream of its own,
 * so that its values depend on nothing but the seed, its name and its shape. `seed` is a whole number from 0 to 2^32 - 1.
 * With `std` every weight and the mask token has that standard deviation, whatever was published.
 */
export function randomWeights(
  seed: number,
  params: readonly Param[],
  layerScale = 1e-6,
  std: number | null = null,
): Weights {
  const shapes = new Map(params.map(({ name, shape }) => [name, shape]));
  const published = [...(shapes.has("mask_token") ? fcmae : []), ...dense(layerScale, publishedStd)];
  const rows = std === null ? published : [{ name: /^mask_token$/, init: normal(std) }, ...dense(layerScale, std)];
  return {
    origin: `random:${seed}`,
    f32: async name => {
      const shape = shapes.get(name);
      invariant(shape !== undefined, `no parameter '${name}'`);
      const row = rows.find(row => row.name.test(name) && (row.rank ?? shape.length) === shape.length);
      invariant(row !== undefined, `nothing is said about how '${name}' starts`);
      return draw(row.init, `${seed}:${name}`, name, shape, shapes);
    },
  };
}

function draw(
  init: Init,
  stream: string,
  name: string,
  shape: readonly number[],
  shapes: ReadonlyMap<string, readonly number[]>,
): Float32Array {
  const values = new Float32Array(elements(shape));
  if (init.kind === "constant") return values.fill(init.value);
  if (init.kind === "normal") {
    const next = normalStream(stream);
    for (let i = 0; i < values.length; i++) {
      let value = next() * init.std;
      while (value < -2 || value > 2) value = next() * init.std;
      values[i] = value;
    }
    return values;
  }
  // A bias takes its bound from its weight's inputs, as in torch.nn.Linear.
  const inputs = elements((shapes.get(name.replace(/bias$/, "weight")) ?? shape).slice(1));
  const next = uniformStream(stream);
  for (let i = 0; i < values.length; i++) values[i] = next() / Math.sqrt(inputs);
  return values;
}

/** The seed in `random:SEED`, as given on a command line. */
export function randomSeed(text: string): Result<number> {
  const digits = /^random:(0|[1-9]\d{0,9})$/.exec(text)?.[1];
  const seed = Number(digits ?? Number.NaN);
  return seed <= 0xffffffff ? ok(seed) : fail(error("weights-seed", null, text));
}
