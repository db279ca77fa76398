import { ok } from "../../../../diagnostics/diagnostic.ts";
import type { Model } from "../../../../model/model.ts";
import type { Labelled } from "../../../../training/validation/labelled.ts";
import { linearProbe } from "../../../../training/validation/linear-probe.ts";
import { nearestNeighbours } from "../../../../training/validation/nearest-neighbours.ts";
import type { Loaded } from "../../../executors/inference.ts";
import type { EvaluationPictures } from "../../../inputs/evaluation-pictures.ts";
import { breathe } from "../../../output/fs.ts";
import { batchesOf, type MeasureRequest, type OpenMeasure, pixelsOf, Stopped, type Watch } from "./measure.ts";

/** Beyond, a linear probe would take longer than what it says is worth. */
const mostProbeClasses = 100;

/**
 * How well classes are told apart by what the encoder makes of whole pictures: the last stage's maps, averaged over
 * their positions. `known` are the pictures that are learned from, `pictures` those that are asked about.
 */
export const transfer =
  (known: EvaluationPictures): OpenMeasure =>
  async ({ model, pictures, batch, open }) => {
    const level = model.stages.length;
    const encoder: Model = { ...model, head: { kind: "features", levels: [level], norm: false } };
    const inference = await open({ model: encoder, batch: { min: 1, max: batch }, taps: [] });
    if (!inference.ok) return inference;
    return ok({
      async take(weights, watch) {
        const loaded = await inference.value.load(weights);
        try {
          const of = { model: encoder, batch, loaded, watch };
          const train = await featuresOf({ ...of, pictures: known, what: "features of --data" });
          const test = await featuresOf({ ...of, pictures, what: "features of --val" });
          const pause = async () => {
            await breathe();
            if (watch.asked()) throw new Stopped();
          };
          const classes = known.classes.length;
          const knn = await nearestNeighbours(train, test, pause);
          return classes > mostProbeClasses ? { knn } : { knn, probe: await linearProbe(train, test, classes, pause) };
        } finally {
          loaded.dispose();
        }
      },
      close: inference.value.close,
    });
  };

interface FeaturesRequest extends Pick<MeasureRequest, "model" | "pictures" | "batch"> {
  readonly loaded: Loaded;
  readonly watch: Watch;
  readonly what: string;
}

async function featuresOf({ model, pictures, batch, loaded, watch, what }: FeaturesRequest): Promise<Labelled> {
  const width = model.stages.at(-1)?.dim ?? 0;
  const features: number[] = [];
  const labels: number[] = [];
  for await (const some of batchesOf(pictures, batch, watch, what)) {
    const outputs = await loaded.run(new Map([["pixel_values", pixelsOf(model, some)]]));
    const data = [...outputs.values()][0]?.data ?? new Float32Array();
    const sites = data.length / (some.length * width);
    for (let i = 0; i < some.length * width; i++) {
      let sum = 0;
      for (let at = i * sites; at < (i + 1) * sites; at++) sum += data[at] as number;
      features.push(sum / sites);
    }
    labels.push(...some.map(({ label }) => label ?? 0));
  }
  return { features: Float64Array.from(features), width, labels };
}
