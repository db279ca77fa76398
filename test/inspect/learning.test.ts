import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { plan } from "../../src/compile.ts";
import { wgslTarget } from "../../src/emit/wgsl/target.ts";
import { summariseLearning } from "../../src/inspect/learning.ts";
import { countParameters } from "../../src/model/count.ts";
import type { Model, Recipe } from "../../src/model/model.ts";
import { macsOf } from "../../src/plan/cost.ts";
import { cnxc } from "../support/cli.ts";
import { checkFiles, must } from "../syntax/support.ts";

const files = new Map(
  ["convnextv2.cnx", "fcmae.cnx", "train.cnx"].map(name => [name, readFileSync(`specs/${name}`)] as const),
);
const program = must(checkFiles(files, "train.cnx"));
const subject = (name: string, batch = 8, more: Partial<Recipe> = {}) => {
  const recipe = { ...(program.recipes.get(name) as Recipe), ...more };
  return { recipe, model: program.models.get(recipe.model) as Model, batch, sites: "auto" as const };
};
const summary = (...given: Parameters<typeof subject>) => must(summariseLearning(subject(...given))).summary;

describe("what a step of a recipe needs", () => {
  test.each(["pretrain_atto", "finetune_atto"])("of %s is what its plan says, image by image", name => {
    const [one, two] = [summary(name, 1), summary(name, 2)];
    const { parameters, memory } = one;
    expect(memory.parameters / (4 * parameters)).toBeGreaterThanOrEqual(1);
    expect(memory.parameters / (4 * parameters)).toBeLessThan(1.01);
    expect(memory.moments).toBe(2 * memory.parameters);
    expect(memory.gradients / (2 * memory.parameters)).toBeCloseTo(1, 2);
    const { total, ...parts } = memory;
    expect(Object.values(parts).reduce((a, b) => a + b, 0)).toBe(total);
    expect(two.memory.kept).toBe(2 * memory.kept);
    expect(two.macs).toBe(2 * one.macs);

    // An image more is all of scratch memory once more, and its inputs.
    const { model, recipe } = subject(name);
    const learning = { dropPath: recipe.dropPath > 0, wanted: (_: string, isParam: boolean) => isParam };
    const target = wgslTarget("gpu", false);
    const planned = must(plan({ model, target, batch: { min: 1, max: 2 }, learning })).plan;
    const inputs = planned.inputs.flatMap(({ shape }) => shape.reduce((a, b) => a * b, 4));
    const each = [...planned.arenas, ...inputs].reduce((a, b) => a + b, 0);
    expect(two.memory.total - total).toBe(each);
    expect(memory.kept).toBeGreaterThan(0.5 * each);
    expect(memory.kept).toBeLessThan(each);
    for (const { gibibytes, images } of one.largest) {
      const taken = (count: number) => total + (count - 1) * each;
      expect(taken(images)).toBeLessThanOrEqual(gibibytes * 2 ** 30);
      expect(taken(images + 1)).toBeGreaterThan(gibibytes * 2 ** 30);
    }

    // The largest batch that WebGPU's default limits hold can be planned, and one image more cannot.
    const of = (max: number) => plan({ model, target, batch: { min: 1, max }, learning }).ok;
    expect([of(one.limit), of(one.limit + 1)]).toEqual([true, false]);
  });

  test("is an average more where the recipe has one, and a backward pass about twice a forward pass", () => {
    const [without, with_] = [summary("pretrain_atto", 8, { ema: null }), summary("pretrain_atto", 8, { ema: 0.99 })];
    expect(with_.memory.total - without.memory.total).toBe(without.memory.parameters);
    expect(without.accumulate).toBe(64);
    const { model } = subject("finetune_atto");
    const forward = must(plan({ model, target: wgslTarget("gpu", false), batch: { min: 1, max: 1 } })).plan;
    const { parameters, macs, batch, accumulate } = summary("finetune_atto");
    expect(parameters).toBe(countParameters(model));
    const ratio = macs / (batch * accumulate) / forward.steps.map(macsOf).reduce((a, b) => a + b, 0);
    expect(ratio).toBeGreaterThan(2.8);
    expect(ratio).toBeLessThan(3.2);
  });

  test("cnxc info --train says it, and how long a step would take", async () => {
    const words = ["info", "specs/train.cnx", "--train", "pretrain_atto", "--batch", "32"];
    const { stdout, stderr, code } = await cnxc(words);
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
    expect(stdout).toMatch(/^atto_fcmae by pretrain_atto: 32 images a micro-batch, 64 micro-batches a step$/m);
    expect(stdout).toMatch(/^kept for the gradients +[\d.]+ MB$/m);
    expect(stdout).toMatch(/^predicted: m3-max [\d.]+ s, rtx-4090-webgpu [\d.]+ m?s$/m);
    expect(stdout).toMatch(/^largest micro-batch: 8 GiB [\d,]+, 24 GiB [\d,]+, 80 GiB [\d,]+$/m);
    const { result } = JSON.parse((await cnxc([...words, "--json"])).stdout);
    const { predicted, ...rest } = result.training;
    expect(rest).toEqual(summary("pretrain_atto", 32));
    expect(predicted.map(({ device }: { readonly device: string }) => device)).toEqual(["m3-max", "rtx-4090-webgpu"]);
  });

  test.each([
    [["-t", "cuda"], "learning-lowered"],
    [["--dtype", "f16"], "learning-lowered"],
    [["-m", "atto"], "recipe-model"],
  ])("cnxc info --train refuses %s", async (words, error) => {
    const { code, stderr } = await cnxc(["info", "specs/train.cnx", "--train", "pretrain_atto", ...words]);
    expect(code).toBe(2);
    expect(stderr).toContain(`error[E_USAGE/${error}]`);
  });
});
