import * as path from "node:path";
import { expect, test } from "vitest";
import type { Model, Recipe } from "../../../../src/model/model.ts";
import { type Elements, stateKinds, type Trainer } from "../../../../src/node/executors/trainer.ts";
import { type OpenWeights, openWeights, paramsOf } from "../../../../src/node/inputs/open-weights.ts";
import { type Checkpoint, lastCheckpoint, writeCheckpoint } from "../../../../src/node/jobs/train/checkpoints.ts";
import { resumedStart } from "../../../../src/node/jobs/train/start.ts";
import { learnedBy } from "../../../../src/training/learned.ts";
import { f32Tensor } from "../../../../src/weights/formats/safetensors.ts";
import { generatorTensor } from "../../../../src/weights/made/generator.ts";
import { randomWeights } from "../../../../src/weights/made/random.ts";
import { elements } from "../../../../src/weights/tensor.ts";
import { cnxc } from "../../../support/cli.ts";
import { newFolder } from "../../../support/folders.ts";
import { metadataOf, writeTensors } from "../../../support/tensors.ts";
import { checkText, must } from "../../../syntax/support.ts";

const program = must(
  checkText(`model m { depths [1, 1]  dims [4, 8]  input 16x16x3  head fcmae { patch_size 8  decoder { dim 8 } } }
train t { model m  steps 20  ema 0.9 }`),
);
const model = program.models.get("m") as Model;
const usual = program.recipes.get("t") as Recipe;
const params = learnedBy(usual, model, must(paramsOf(model)));

/** Weights as a file of the sparse training state has them, whose kernels are laid out in a way of their own. */
async function sparseWeights(): Promise<OpenWeights> {
  const folder = newFolder();
  const at = (name: string) => path.join(folder, name);
  const weights = randomWeights(1, params);
  await writeTensors(
    at("official.safetensors"),
    params.map(({ name, shape }) => f32Tensor(name, shape, () => weights.f32(name))),
  );
  const words = ["weights", "convert", at("official.safetensors"), "--to", "fcmae", "-o", at("sparse.safetensors")];
  expect((await cnxc(words)).code).toBe(0);
  return must(await openWeights(at("sparse.safetensors"), model, () => {}));
}

/** Values of every kind, which have no more bits than a trainer keeps. */
function trainerOf(keep: (values: Float32Array) => Elements): Pick<Trainer, "read"> {
  const shapes = new Map(params.map(({ name, shape }) => [name, shape]));
  return { read: async (kind, name) => keep(generatorTensor(1, kind + name, elements(shapes.get(name) ?? []), 0, 1)) };
}

async function resumed(keep: (values: Float32Array) => Elements, recipe: Recipe) {
  const run = newFolder();
  const trainer = trainerOf(keep) as Trainer;
  const progress = { step: 12, updates: 11, recipeSha256: "0".repeat(64), dataSha256: "0".repeat(64) };
  const weights = await sparseWeights();
  must(await writeCheckpoint({ ...progress, run, recipe, params, trainer, inFile: weights.inFile }));
  await weights.close();
  const checkpoint = must(lastCheckpoint(run)) as Checkpoint;
  expect(checkpoint).toMatchObject({ step: 12, updates: 11 });
  // transformers reads no file that does not say so.
  expect(await metadataOf(path.join(checkpoint.folder, "model.safetensors"))).toEqual({ format: "pt" });
  const start = must(await resumedStart(checkpoint, { model, recipe, params, report: () => {} }));
  const wrong: string[] = [];
  for (const kind of stateKinds.filter(kind => kind !== "ema" || recipe.ema !== null))
    for (const { name } of params) {
      const [found, wanted] = [await start.start(kind, name), await trainer.read(kind, name)];
      if (found?.constructor !== wanted.constructor || found.some((v, i) => v !== wanted[i])) wrong.push(kind + name);
    }
  expect(start.inFile?.("stages.0.0.dwconv.weight")).toMatchObject({
    name: "encoder.stages.0.0.dwconv.kernel",
    shape: [49, 4],
  });
  await start.close();
  expect(wrong).toEqual([]);
  return checkpoint;
}

const third = (values: Float32Array) => Float64Array.from(values, value => value / 3);

test("what a trainer of 32 bits keeps comes back from the names and layouts of the weights", async () => {
  const checkpoint = await resumed(values => values, usual);
  expect([...checkpoint.files].sort()).toEqual(["model.safetensors", "state.safetensors", "train.json"]);
});

test("what one of 64 bits keeps comes back with all of them", async () => {
  const checkpoint = await resumed(third, usual);
  expect([...checkpoint.files]).toContain("float64.safetensors");
});

test.each([["32", (values: Float32Array): Elements => values] as const, ["64", third] as const])(
  "no average is asked of a trainer of %s bits that has none",
  async (_, keep) => {
    await resumed(keep, { ...usual, ema: null });
  },
);
