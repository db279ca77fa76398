import { type History, noHistory } from "../../../src/training/report/history.ts";
import type { RunContent } from "../../../src/training/report/page.ts";
import { writePng } from "../../support/png.ts";

const picture = (grey: number): string =>
  `data:image/png;base64,${writePng({ width: 8, height: 8, data: Buffer.alloc(8 * 8 * 4, grey) }).toString("base64")}`;

/** So many steps, a checkpoint every tenth of them, one step that was skipped. */
export function historyOf(steps: number): History {
  const history = noHistory();
  for (let step = 1; step <= steps; step++) {
    const isOdd = step === Math.ceil(steps / 3);
    history.steps.push(step);
    history.lr.push(1e-3 * Math.min(1, step / 10));
    history.loss.push(isOdd ? Number.NaN : 1 / step + 0.5);
    history.gradNorm.push(isOdd ? Number.NaN : 2 / step);
    if (isOdd) history.skipped.push(step);
    if (step % Math.ceil(steps / 10) !== 0) continue;
    const val = { images: 40, loss: 1.1 / step + 0.5, knn: 0.25, probe: step / steps };
    history.evaluations.push({ step, val, channel_distance: { "stages.0": 0.4, "stages.1": 0.5 - 0.1 / step } });
  }
  return history;
}

/** A run of a masked autoencoder with everything that a page shows. */
export const runContent = (steps: number): RunContent => ({
  recipe: "a_recipe_with_a_name_that_is_very_long_and_has_no_blank_in_it_at_all",
  facts: [
    ["Model", "a_model_with_a_name_that_is_longer_than_a_phone_is_wide_as_some_are"],
    ["Trained on", "WebGPU (gpu)"],
  ],
  steps: 2 * steps,
  history: historyOf(steps),
  reconstructions: {
    pictures: [0, 1].map(i => ({ name: `cats/${i}.png`, input: picture(200), masked: picture(100 + i) })),
    columns: [1, 2, 3, 4, 5, 6, 7, 8].map(i => ({
      step: i * 10,
      pictures: [picture(20 * i), picture(20 * i)],
      losses: [1 / i, 0.5],
    })),
  },
});
