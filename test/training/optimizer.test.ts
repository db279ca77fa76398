import { describe, expect, test } from "vitest";
import type { Recipe } from "../../src/model/model.ts";
import type { Learned } from "../../src/training/learned.ts";
import { optimizer } from "../../src/training/optimizer.ts";
import { nowhere } from "../support/models.ts";

const recipe: Recipe = {
  name: "t",
  model: "m",
  batch: 1,
  accumulate: 1,
  length: { unit: "steps", count: 1 },
  optimizer: { lr: 0.1, betas: [0.9, 0.95], weightDecay: 0.5, decays: "default", eps: 1e-8 },
  schedule: { warmup: 0, total: 1, first: 0, minLr: 0 },
  clip: null,
  ema: null,
  layerDecay: null,
  layerDecayType: "single",
  dropPath: 0,
  smoothing: 0,
  augment: { crop: null, flip: false, mixup: 0, cutmix: 0 },
  seed: 0,
  init: 0.02,
  span: nowhere,
};

const learned = (given: Partial<Learned> = {}): Learned => ({
  name: "w",
  shape: [2],
  lrScale: 1,
  weightDecay: 0,
  ...given,
});

/** An optimiser of one parameter of two values, 1 and −2. */
function one(given: Partial<Recipe> = {}, how: Partial<Learned> = {}) {
  const whole = { ...recipe, ...given };
  const zeros = () => new Float64Array(2);
  const ema = whole.ema === null ? null : Float64Array.of(1, -2);
  const state = { param: Float64Array.of(1, -2), expAvg: zeros(), expAvgSq: zeros(), ema };
  const made = optimizer([learned(how)], whole, new Map([["w", state]]));
  const give = (a: number, b: number, share = 1) => made.accumulate(new Map([["w", [a, b]]]), share);
  return { ...made, state, give };
}

describe("AdamW", () => {
  test("moves by the learning rate at first, whatever the gradient's size, and its bias corrections are those of the update", () => {
    const { give, update, state } = one();
    give(3, -0.001);
    update({ lr: 0.1, n: 1 });
    expect(state.param[0]).toBeCloseTo(1 - 0.1, 8);
    expect(state.param[1]).toBeCloseTo(-2 + 0.1, 5);
    give(1, 0);
    update({ lr: 0.1, n: 2 });
    const m = 0.9 * 0.1 * 3 + 0.1;
    const v = 0.95 * 0.05 * 9 + 0.05;
    const by = (0.1 * (m / (1 - 0.81))) / (Math.sqrt(v / (1 - 0.95 ** 2)) + 1e-8);
    expect(state.param[0]).toBeCloseTo(1 - 0.1 / (1 + 1e-8 / 3) - by, 12);
  });

  test("decays the weight and not the moments, by the layer's own learning rate", () => {
    const { give, update, state } = one({}, { weightDecay: 0.5, lrScale: 0.25 });
    give(0, 0);
    update({ lr: 0.1, n: 1 });
    expect([...state.param]).toEqual([1 - 0.025 * 0.5, -2 + 2 * 0.025 * 0.5]);
    expect([...state.expAvg, ...state.expAvgSq]).toEqual([0, 0, 0, 0]);
  });

  test("with a learning rate of 0 moves the moments alone", () => {
    const { give, update, state } = one({}, { weightDecay: 0.5 });
    give(3, 4);
    expect(update({ lr: 0, n: 1 })).toEqual({ gradNorm: 5, skipped: false });
    expect([...state.param]).toEqual([1, -2]);
    expect(state.expAvg[0]).toBeCloseTo(0.3, 15);
  });
});

describe("a step", () => {
  test("adds the shares of its micro-batches, and begins anew after an update", () => {
    const { give, update } = one();
    give(6, 0, 0.5);
    give(0, 8, 0.5);
    expect(update({ lr: 0, n: 1 }).gradNorm).toBe(5);
    give(1, 0);
    expect(update({ lr: 0, n: 2 }).gradNorm).toBe(1);
  });

  test("is clipped by the norm of all gradients, and tells the norm before", () => {
    const { give, update, state } = one({ clip: 0.5 });
    give(3, 4);
    expect(update({ lr: 0, n: 1 }).gradNorm).toBe(5);
    const scale = 0.5 / (5 + 1e-6);
    expect(state.expAvg[0]).toBeCloseTo(0.1 * 3 * scale, 15);
    expect(state.expAvgSq[1]).toBeCloseTo(0.05 * (4 * scale) ** 2, 15);
    const within = one({ clip: 5 });
    within.give(3, 4);
    within.update({ lr: 0, n: 1 });
    expect(within.state.expAvg[0]).toBeCloseTo(0.3, 15);
  });

  test("takes the average after it, from the first weights", () => {
    const { give, update, state } = one({ ema: 0.75 });
    give(1, 0);
    update({ lr: 0.5, n: 1 });
    expect(state.ema?.[0]).toBeCloseTo(0.75 + 0.25 * (state.param[0] as number), 15);
    expect(state.ema?.[1]).toBe(-2);
  });

  test.each([Number.NaN, Infinity, 1e300])(
    "with a gradient of %d changes nothing, and the next is whole again",
    bad => {
      const { give, update, state } = one({ ema: 0.75, clip: 1 }, { weightDecay: 0.5 });
      give(1, 1);
      update({ lr: 0.1, n: 1 });
      const before = structuredClone(state);
      give(bad, 1);
      const { gradNorm, skipped } = update({ lr: 0.1, n: 2 });
      expect(skipped).toBe(true);
      expect(Number.isFinite(gradNorm)).toBe(false);
      expect(state).toEqual(before);
      give(3, 4);
      expect(update({ lr: 0.1, n: 2 })).toEqual({ gradNorm: 5, skipped: false });
      expect(state.param.every(Number.isFinite)).toBe(true);
    },
  );
});
