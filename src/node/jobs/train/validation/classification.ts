import { ok } from "../../../../diagnostics/diagnostic.ts";
import { invariant } from "../../../../diagnostics/invariant.ts";
import { addScores, noScores } from "../../../../training/validation/scores.ts";
import { batchesOf, type OpenMeasure, outputOf, pixelsOf } from "./measure.ts";

/** Five classes of fewer than ten are most of them. */
const leastForTop5 = 10;

/** Mean cross-entropy, without smoothing, top-1 and top-5. */
export const classification: OpenMeasure = async ({ model, pictures, batch, open }) => {
  const { head } = model;
  invariant(head.kind === "classifier", "only a classifier classifies");
  const inference = await open({ model, batch: { min: 1, max: batch }, taps: [] });
  if (!inference.ok) return inference;
  return ok({
    async take(weights, watch) {
      const loaded = await inference.value.load(weights);
      try {
        const scores = noScores();
        for await (const some of batchesOf(pictures, batch, watch, "validation")) {
          const outputs = await loaded.run(new Map([["pixel_values", pixelsOf(model, some)]]));
          const labels = some.map(({ label }) => label ?? 0);
          addScores(scores, outputOf(outputs, "logits").data, head.classes, labels);
        }
        const { images, crossEntropy, top1, top5 } = scores;
        const figures = { images, loss: crossEntropy / images, top1: top1 / images };
        return head.classes < leastForTop5 ? figures : { ...figures, top5: top5 / images };
      } finally {
        loaded.dispose();
      }
    },
    close: inference.value.close,
  });
};
