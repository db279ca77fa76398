import { pixelEps } from "../graph/ops.ts";
import type { Input } from "../model/model.ts";
import type { Picture } from "../preprocess/picture.ts";

/** One image as planes, and the patches it falls into, row by row. */
export interface Patched {
  readonly input: Input;
  readonly patchSize: number;
}

/** Where each value of a patch lies in the planes: the official order, (row · patch + column) · channels + channel. */
function* placesOf(patch: number, { input, patchSize: p }: Patched): Generator<number> {
  const { width, height, channels } = input;
  const across = width / p;
  const [top, left] = [Math.floor(patch / across) * p, (patch % across) * p];
  for (let row = 0; row < p; row++)
    for (let column = 0; column < p; column++)
      for (let c = 0; c < channels; c++) yield c * width * height + (top + row) * width + left + column;
}

const countOf = ({ input: { width, height }, patchSize }: Patched): number =>
  (width / patchSize) * (height / patchSize);

/** Mean and deviation of a patch over all its values: what `norm_pix_loss` takes out, the variance unbiased. */
function statistics(planes: Float32Array, patch: number, of: Patched) {
  let [count, sum, squares] = [0, 0, 0];
  for (const at of placesOf(patch, of)) {
    sum += planes[at] as number;
    count++;
  }
  const mean = sum / count;
  for (const at of placesOf(patch, of)) squares += ((planes[at] as number) - mean) ** 2;
  return { mean, deviation: Math.sqrt(squares / (count - 1) + pixelEps) };
}

export interface Reconstruction {
  /** The input where it was kept, the prediction where it was removed. */
  readonly planes: Float32Array;
  /** The loss of this image: the mean square over its removed patches, in what the model predicts. */
  readonly loss: number;
}

/**
 * An image put together from what the model saw and what it predicts, `[values of a patch, rows, columns]`. Where it
 * predicts normalised pixels, each patch gets its own mean and deviation back, as in the official visualisation.
 */
export function reconstruct(
  planes: Float32Array,
  mask: Float32Array,
  pred: Float32Array,
  of: Patched,
  normPixLoss: boolean,
): Reconstruction {
  const pasted = planes.slice();
  const patches = countOf(of);
  let [total, removed] = [0, 0];
  for (let patch = 0; patch < patches; patch++) {
    if (mask[patch] === 0) continue;
    const { mean, deviation } = normPixLoss ? statistics(planes, patch, of) : { mean: 0, deviation: 1 };
    let [k, squares] = [0, 0];
    for (const at of placesOf(patch, of)) {
      const predicted = pred[k * patches + patch] as number;
      squares += (predicted - ((planes[at] as number) - mean) / deviation) ** 2;
      pasted[at] = predicted * deviation + mean;
      k++;
    }
    total += squares / k;
    removed++;
  }
  return { planes: pasted, loss: total / removed };
}

/** The picture as the encoder sees it: removed patches in grey. */
export function hidePatches({ data, ...picture }: Picture, mask: Float32Array, patchSize: number): Picture {
  const { width, channels } = picture;
  const across = width / patchSize;
  const hidden = data.slice();
  for (let i = 0; i < hidden.length; i++) {
    const at = Math.floor(i / channels);
    const row = Math.floor(at / width / patchSize);
    const column = Math.floor((at % width) / patchSize);
    if (mask[row * across + column] !== 0) hidden[i] = i % channels === 3 ? 255 : grey;
  }
  return { ...picture, data: hidden };
}

const grey = 128;
