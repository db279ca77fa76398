import { ok } from "../../../../diagnostics/diagnostic.ts";
import { inputPorts } from "../../../../model/inputs.ts";
import type { Model } from "../../../../model/model.ts";
import { randomMask } from "../../../../runtime/mask.ts";
import { utf8 } from "../../../../weights/formats/utf8.ts";
import { fnv1a } from "../../../../weights/made/fnv1a.ts";
import type { EvaluationPicture } from "../../../inputs/evaluation-pictures.ts";
import type { RunTensor } from "../../../inputs/tensors.ts";
import { batchesOf, type OpenMeasure, outputOf, pixelsOf } from "./measure.ts";

/** The mean loss over removed patches, under masks that are always the same. */
export const reconstruction: OpenMeasure = async ({ model, pictures, batch, seed, open }) => {
  const inference = await open({ model, batch: { min: 1, max: batch }, taps: [] });
  if (!inference.ok) return inference;
  return ok({
    async take(weights, watch) {
      const loaded = await inference.value.load(weights);
      try {
        let [images, sum] = [0, 0];
        for await (const some of batchesOf(pictures, batch, watch, "validation")) {
          const outputs = await loaded.run(maskedInputs(model, some, seed));
          // Every image removes as many patches, so the mean of a batch counts for its images.
          sum += some.length * (outputOf(outputs, "loss").data[0] ?? Number.NaN);
          images += some.length;
        }
        return { images, loss: sum / images };
      } finally {
        loaded.dispose();
      }
    },
    close: inference.value.close,
  });
};

/** What a masked autoencoder takes: pictures, each with a mask of its own that seed and number decide. */
export function maskedInputs(
  model: Model,
  pictures: readonly EvaluationPicture[],
  seed: number,
): ReadonlyMap<string, RunTensor> {
  const port = inputPorts(model).find(({ keep }) => keep !== null);
  const patches = port?.shape[0] ?? 0;
  const mask = new Float32Array(pictures.length * patches);
  for (const [i, { number }] of pictures.entries()) {
    const drawn = randomMask(fnv1a(utf8(`${seed}:evaluation-mask:${number}`)), {
      batch: 1,
      patches,
      keep: port?.keep ?? 0,
    });
    mask.set(drawn, i * patches);
  }
  return new Map([
    ["pixel_values", pixelsOf(model, pictures)],
    ["mask", { shape: [pictures.length, patches], data: mask }],
  ]);
}
