import { inputPorts } from "../../../model/inputs.ts";
import { type Classifier, type Model, mixes, type Recipe } from "../../../model/model.ts";
import { randomMask } from "../../../runtime/mask.ts";
import { drawMix, type Mix, mixImages, mixRows } from "../../../training/mix.ts";
import { utf8 } from "../../../weights/formats/utf8.ts";
import { symmetricBeta } from "../../../weights/made/beta.ts";
import { fnv1a } from "../../../weights/made/fnv1a.ts";
import { uniformStream } from "../../../weights/made/streams.ts";
import type { RunTensor } from "../tensors.ts";

/** An example as a run shows it. */
export interface ShownExample {
  /** As the model takes it, [C, H, W]. */
  readonly planes: Float32Array;
  /** The number of its class; null where there are none. */
  readonly label: number | null;
}

/**
 * What a model takes to learn from a micro-batch whose first image has the number `image` in the run. All that is drawn is
 * a function of the recipe's seed and of that number.
 */
export function learningInputs(
  shown: readonly ShownExample[],
  image: number,
  { model, recipe }: { readonly model: Model; readonly recipe: Recipe },
): ReadonlyMap<string, RunTensor> {
  const { height, width, channels } = model.input;
  const images = shown.length;
  const batch = joined(shown.map(({ planes }) => planes));
  const inputs = new Map<string, RunTensor>([
    ["pixel_values", { shape: [images, channels, height, width], data: batch }],
  ]);
  const mask = inputPorts(model).find(({ keep }) => keep !== null);
  if (mask !== undefined) {
    const [patches = 0] = mask.shape;
    const one = { batch: 1, patches, keep: mask.keep ?? 0 };
    const drawn = shown.map((_, i) => randomMask(fnv1a(utf8(`${recipe.seed}:mask:${image + i}`)), one));
    inputs.set("mask", { shape: [images, patches], data: joined(drawn) });
  }
  if (model.head.kind === "classifier") {
    const { classes } = model.head;
    const rows = shown.map(({ label }) => target(label, model.head as Classifier, recipe));
    if (mixes(recipe.augment)) mixPairs(parts(batch, images), rows, image, { model, recipe });
    inputs.set("targets", { shape: [images, classes], data: joined(rows.map(row => Float32Array.from(row))) });
  }
  if (recipe.dropPath > 0) {
    const blocks = model.stages.reduce((sum, { depth }) => sum + depth, 0);
    const rows = shown.map((_, i) => keeps(recipe, blocks, image + i));
    inputs.set("keep", { shape: [images, blocks], data: joined(rows) });
  }
  return inputs;
}

/** A label, of which all classes have a part. */
const target = (label: number | null, { classes }: Classifier, { smoothing }: Recipe): Float64Array =>
  Float64Array.from({ length: classes }, (_, k) => smoothing / classes + (k === label ? 1 - smoothing : 0));

/**
 * Mixes each image with its neighbour, and their labels. A micro-batch is even, so that the two stand in the same one
 * however a step is cut.
 */
function mixPairs(
  images: readonly Float32Array[],
  targets: readonly Float64Array[],
  first: number,
  { model: { input }, recipe }: { readonly model: Model; readonly recipe: Recipe },
): void {
  for (let i = 0; i + 1 < images.length; i += 2) {
    const mix = mixOf((first + i) / 2, recipe, input);
    mixImages(images[i] as Float32Array, images[i + 1] as Float32Array, input, mix);
    mixRows(targets[i] as Float64Array, targets[i + 1] as Float64Array, mix.share);
  }
}

const mixOf = (pair: number, { seed, augment }: Recipe, input: Model["input"]): Mix =>
  drawMix(augment, input, uniformStream(`${seed}:mix:${pair}`), a => symmetricBeta(`${seed}:share:${pair}`, a));

/** Stochastic depth of an image: the rate rises from 0 at the first block to the recipe's at the last. */
function keeps({ seed, dropPath }: Recipe, blocks: number, image: number): Float32Array {
  const next = uniformStream(`${seed}:keep:${image}`);
  return Float32Array.from({ length: blocks }, (_, block) => {
    const rate = blocks === 1 ? 0 : (dropPath * block) / (blocks - 1);
    return (next() + 1) / 2 < rate ? 0 : 1 / (1 - rate);
  });
}

const parts = (whole: Float32Array, count: number): readonly Float32Array[] =>
  Array.from({ length: count }, (_, i) => whole.subarray((i * whole.length) / count, ((i + 1) * whole.length) / count));

function joined(parts: readonly Float32Array[]): Float32Array {
  const [first] = parts;
  const whole = new Float32Array(parts.length * (first?.length ?? 0));
  for (const [i, part] of parts.entries()) whole.set(part, i * part.length);
  return whole;
}
