import type { Precision } from "../../../model/model.ts";
import { counters } from "../../../plan/place.ts";
import type { KernelCall } from "../../../plan/plan.ts";
import type { SchedulePass } from "../../../plan/schedule-pass.ts";
import { blockTile } from "../../../plan/tiles/tile.ts";
import { depthwiseKey, productKey, type TunedChoices } from "../../../plan/tiles/tuned-choices.ts";
import { defaultDepthwise } from "../kernels/convolutions.ts";
import { defaultProduct, partsOf, productOf } from "../kernels/gemm.ts";

/** The tile of every depthwise convolution: a tuning table's, else the one that costs least. */
export const chooseDepthwise = (tuned: TunedChoices["depthwise"]): SchedulePass => ({
  name: "choose-depthwise",
  summary: "Say how the threads of a depthwise convolution share its map",
  run: ({ steps, ...schedule }) => ({
    ...schedule,
    steps: steps.map((step): KernelCall => {
      if (step.kind !== "depthwise") return step;
      // Tables speak of taps side by side.
      const known = step.params.dilation === undefined ? tuned.get(depthwiseKey(step.params)) : undefined;
      const choice = known ?? defaultDepthwise(step.params, schedule.batch.max);
      return { ...step, params: { ...step.params, choice } };
    }),
  }),
});

/**
 * What tensor cores do with every product: what a tuning table says, else the default. Where blocks share the inner
 * dimension of a tile (split k) they leave their sums, and the last of them adds these up.
 *
 *   %a = gemm(input: %x) -> output: %a
 *   ⟶
 *   %a = gemm(input: %x) -> output: %a, partials: %a.partials, counter: %block counters
 */
export const splitK = (precision: Precision, tuned: TunedChoices["products"]): SchedulePass => ({
  name: "split-k",
  summary: "Say how tensor cores make a product, and where blocks that share its inner dimension leave their sums",
  run: ({ steps, ...schedule }) => ({
    ...schedule,
    steps: steps.map(step => {
      const product = productOf(step);
      if (product === null) return step;
      const [rows, columns] = blockTile(product.tile);
      const choice = tuned.get(productKey(product)) ?? defaultProduct(product, { rows, columns }, schedule.batch.max);
      const chosen = { ...step, params: { ...step.params, choice } } as KernelCall;
      if (partsOf(chosen, precision) === 1) return chosen;
      return { ...chosen, writes: { ...step.writes, partials: `${step.name}.partials`, counter: counters } };
    }),
  }),
});
