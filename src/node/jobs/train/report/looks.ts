import { ok, type Result } from "../../../../diagnostics/diagnostic.ts";
import { type Fcmae, type Model, patchGrid } from "../../../../model/model.ts";
import { usualFilter } from "../../../../model/preprocess.ts";
import { asSeen, type Picture, toPicture } from "../../../../preprocess/picture.ts";
import { resample } from "../../../../preprocess/resample.ts";
import { hidePatches, reconstruct as paste } from "../../../../reconstruct/patches.ts";
import type { ReconstructedColumn, Reconstructions } from "../../../../training/report/reconstructions.ts";
import type { OpenInference } from "../../../executors/inference.ts";
import { type EvaluationPicture, openEvaluation } from "../../../inputs/evaluation-pictures.ts";
import { dataUri, imageOf, stageOf } from "../../reconstruct.ts";
import { must, outputOf, type WeightsNow } from "../validation/measure.ts";
import { maskedInputs } from "../validation/reconstruction.ts";

/** How a masked autoencoder is looked at: a few pictures, always the same under the same masks. */
export interface Looks {
  readonly pictures: Reconstructions["pictures"];
  look(weights: WeightsNow, step: number): Promise<Look>;
  close(): Promise<void>;
}

export interface Look {
  readonly column: ReconstructedColumn;
  /** Mean distance of each stage's channels over the pictures, by the stage's path. */
  readonly distances: Readonly<Record<string, number>>;
}

export interface LooksRequest {
  readonly model: Model;
  readonly seed: number;
  /** Of pictures. */
  readonly folder: string;
  readonly open: OpenInference;
}

const mostPictures = 8;
/** Pixels of the longer side of what is kept. */
const longest = 96;

/** Null where the model reconstructs nothing. */
export async function openLooks({ model, seed, folder, open }: LooksRequest): Promise<Result<Looks | null>> {
  if (!isAutoencoder(model)) return ok(null);
  const chosen = openEvaluation(folder, { model, seed, most: 3 * mostPictures, classes: null, as: "looked at" });
  if (!chosen.ok) return chosen;
  const pictures: EvaluationPicture[] = [];
  for (const at of spread(chosen.value.count)) {
    if (pictures.length === mostPictures) break;
    const found = await chosen.value.read(at, 1);
    if (!found.ok) return found;
    pictures.push(...found.value);
  }
  pictures.sort((a, b) => a.number - b.number);
  if (pictures.length === 0) return ok(null);
  const { input, head } = model;
  const { patchSize } = head;
  const inputs = maskedInputs(model, pictures, seed);
  const [pixels, mask] = [outputOf(inputs, "pixel_values"), outputOf(inputs, "mask")];
  const known: Reconstructions["pictures"][number][] = [];
  for (const [n, { path: name, picture: fitted }] of pictures.entries()) {
    const picture = asSeen(fitted, model);
    const [whole, masked] = [await small(picture), await small(hidePatches(picture, imageOf(mask, n), patchSize))];
    if (!whole.ok) return whole;
    if (!masked.ok) return masked;
    known.push({ name, input: whole.value, masked: masked.value });
  }
  const taps = model.stages.map((_, i) => `stages.${i}`);
  const inference = await open({ model, batch: { min: pictures.length, max: pictures.length }, taps });
  if (!inference.ok) return inference;
  return ok({
    pictures: known,
    async look(weights, step) {
      const loaded = await inference.value.load(weights);
      try {
        const outputs = await loaded.run(inputs);
        const pred = outputOf(outputs, "pred");
        const [shown, losses]: [string[], number[]] = [[], []];
        for (const n of pictures.keys()) {
          const of = { input, patchSize };
          const { planes, loss } = paste(imageOf(pixels, n), imageOf(mask, n), imageOf(pred, n), of, head.normPixLoss);
          shown.push(must(await small(toPicture(planes, model))));
          losses.push(loss);
        }
        const grid = patchGrid(input, head);
        const distances = taps.map(tap => {
          const { distances: each } = stageOf(tap, outputOf(outputs, tap), mask, grid);
          return [tap, each.reduce((sum, value) => sum + value, 0) / each.length] as const;
        });
        return { column: { step, pictures: shown, losses }, distances: Object.fromEntries(distances) };
      } finally {
        loaded.dispose();
      }
    },
    close: inference.value.close,
  });
}

/** All places, such that the first few lie far apart: of many classes, not of the first alone. */
function spread(count: number): readonly number[] {
  const apart = Math.max(1, Math.floor(count / mostPictures));
  return Array.from({ length: count }, (_, i) => i).sort((a, b) => (a % apart) - (b % apart) || a - b);
}

const isAutoencoder = (model: Model): model is Model & { readonly head: Fcmae } => model.head.kind === "fcmae";

/** As it is kept: no larger than it is looked at. */
function small(picture: Picture): Promise<Result<string>> {
  const { width, height } = picture;
  const share = Math.min(1, longest / Math.max(width, height));
  const size = { width: Math.max(1, Math.round(width * share)), height: Math.max(1, Math.round(height * share)) };
  return dataUri(share === 1 ? picture : resample(picture, { resized: size, left: 0, top: 0 }, size, usualFilter));
}
