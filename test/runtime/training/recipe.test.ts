import { describe, expect, test } from "vitest";
import { checkLearningRate, checkShare, optimizerOf, treatments } from "../../../src/runtime/training/recipe.ts";
import { allKept, updatesName, wholeState } from "../../../src/runtime/training/training-state.ts";
import { learnable } from "./support.ts";

const { recipe, training } = learnable;

describe("the numbers of an optimizer", () => {
  test("are the recipe's, or those given in their place", () => {
    expect(optimizerOf(recipe, {})).toEqual({ betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0.3, clip: 1, ema: 0.9 });
    expect(optimizerOf(recipe, { clip: null, ema: 0.5, weightDecay: 0 })).toMatchObject({ clip: null, ema: 0.5 });
  });

  test("decay what the recipe's rule lets decay", () => {
    const treated = treatments(recipe, optimizerOf(recipe, { weightDecay: 0.1 }));
    expect(treated.map(({ name }) => name)).toEqual(training.params.map(({ name }) => name));
    expect(treated.find(({ name }) => name === "head.weight")).toMatchObject({ lrScale: 1, weightDecay: 0.1 });
    expect(treated.find(({ name }) => name === "head.bias")?.weightDecay).toBe(0);
  });

  const bad = {
    betas: [[0.9, 1], [0.9], 0.9, [0.9, Number.NaN]],
    eps: [0, -1, "1e-8", Number.NaN],
    weightDecay: [-1, null, Number.POSITIVE_INFINITY],
    clip: [0, -1, undefined, Number.NaN],
    ema: [1, -0.1, null],
  };
  test.each(Object.entries(bad).flatMap(([name, values]) => values.map(value => [name, value] as const)))(
    "R48: are refused, %s of %s",
    (name, value) => {
      expect(() => optimizerOf(recipe, { [name]: value })).toThrow(expect.objectContaining({ name: "InputError" }));
      expect(() => optimizerOf(recipe, { [name]: value })).toThrow(value === null && name === "ema" ? "average" : name);
    },
  );

  test("R48: are refused under a name that is none, and where the kernels keep no average", () => {
    expect(() => optimizerOf(recipe, { lr: 1 } as object)).toThrow("the optimizer has no 'lr'");
    expect(() => optimizerOf({ ...recipe, ema: null }, { ema: 0.9 })).toThrow("keep no average of the weights");
  });

  test("R48: a learning rate and a share are numbers that mean something", () => {
    for (const value of [undefined, Number.NaN, -1, "1", Number.POSITIVE_INFINITY]) {
      expect(() => checkLearningRate(value)).toThrow("the learning rate is");
      expect(() => checkShare(value)).toThrow("a share in a step is");
    }
    checkLearningRate(0);
    expect(() => checkShare(0)).toThrow("a share in a step is");
  });
});

describe("a state", () => {
  const kept = allKept([{ name: "head.bias", shape: [2] }], true);
  const whole = new Map<string, Float32Array<ArrayBuffer>>([
    [updatesName, Float32Array.of(3)],
    ...kept.map(({ name }, i) => [name, Float32Array.of(i, i)] as const),
  ]);
  const saved = (state: ReadonlyMap<string, unknown>) =>
    [...state].map(([name, data]) => ({ name, data: data as Float32Array<ArrayBuffer> }));

  test("has the names of checkpoints, kind after kind", async () => {
    expect(kept.map(({ name }) => name)).toEqual([
      "head.bias",
      "adamw.m.head.bias",
      "adamw.v.head.bias",
      "ema.head.bias",
    ]);
    expect(allKept([{ name: "head.bias", shape: [2] }], false).length).toBe(3);
    expect(await wholeState(saved(whole).reverse(), kept)).toEqual({ updates: 3, tensors: whole });
  });

  test("R49: is refused unless it is whole, and nothing but that", async () => {
    const refused = (state: ReadonlyMap<string, unknown>) =>
      expect(wholeState(saved(state), kept)).rejects.toThrow(expect.objectContaining({ name: "WeightsError" }));
    for (const name of whole.keys()) {
      await refused(new Map([...whole].filter(([other]) => other !== name)));
      await refused(new Map([...whole, [name, new Float32Array(3)]]));
      await refused(new Map<string, unknown>([...whole, [name, [1, 2]]]));
    }
    await refused(new Map([...whole, ["head.weight", new Float32Array(2)]]));
    for (const updates of [-1, 0.5, Number.NaN])
      await refused(new Map([...whole, [updatesName, Float32Array.of(updates)]]));
  });
});
