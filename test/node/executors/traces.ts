import { classifierOf, type Recipe } from "../../../src/model/model.ts";
import { referenceTrainer } from "../../../src/node/executors/reference-trainer.ts";
import {
  type Elements,
  type OpenTrainer,
  stateKinds,
  type Trainer,
  type TrainerRequest,
} from "../../../src/node/executors/trainer.ts";
import { paramsOf } from "../../../src/node/inputs/open-weights.ts";
import type { RunTensor } from "../../../src/node/inputs/tensors.ts";
import { learnedBy } from "../../../src/training/learned.ts";
import { learningRate } from "../../../src/training/learning-rate.ts";
import { model, mustBuild, testInput, testWeights } from "../../support/models.ts";
import {
  type LoggedStep,
  readTrace,
  type TraceEnd,
  traceBatch,
  traceModel,
  traceRecipe,
} from "../../support/traces.ts";
import { must } from "../../syntax/support.ts";

/** A trace through a trainer: the log of its steps, and its end. */
export async function trained(file: string, open: OpenTrainer = referenceTrainer) {
  const trace = readTrace(file);
  const { model: given, weights } = traceModel(trace);
  const recipe = traceRecipe(trace, given);
  const params = learnedBy(recipe, given, must(paramsOf(given)));
  const start = async (kind: string, name: string) => (kind === "param" ? weights.f32(name) : null);
  const trainer: Trainer = must(await open({ model: given, recipe, params, start }));
  const log: LoggedStep[] = [];
  for (let step = 0; step < trace.steps; step++) {
    const lr = learningRate(recipe.optimizer.lr, recipe.schedule, recipe.schedule.first + step);
    let loss = 0;
    for (let micro = 0; micro < recipe.accumulate; micro++)
      loss +=
        (await trainer.accumulate(byImage(traceBatch(trace, step, micro)), 1 / recipe.accumulate)) / recipe.accumulate;
    const { gradNorm } = await trainer.update({ lr, n: step + 1 });
    log.push({ lr, loss, grad_norm: gradNorm });
  }
  const ends = new Map<string, TraceEnd>();
  for (const { name } of params) {
    const first = await weights.f32(name);
    const less = (values: ArrayLike<number>) => Array.from(values, (v, i) => v - (first[i] as number));
    ends.set(name, {
      moved: less(await trainer.read("param", name)),
      expAvg: await trainer.read("exp_avg", name),
      expAvgSq: await trainer.read("exp_avg_sq", name),
      averageMoved: less(await trainer.read("ema", name)),
    });
  }
  await trainer.close();
  return { trace, log, endOf: (name: string) => ends.get(name) as TraceEnd };
}

/** A classifier that is learned in a moment, and batches of it. */
export function tiny() {
  const given = model({
    ...{ depths: [1, 1], dims: [8, 12], kernels: [3, 3], stem: { patch: 2 } },
    input: { height: 16, width: 16, channels: 3 },
    head: classifierOf(5),
  });
  const trace = readTrace("finetune-micro-v1");
  const recipe: Recipe = { ...traceRecipe(trace, given), name: "tiny", batch: 2, accumulate: 2, clip: null, ema: 0.9 };
  const weights = testWeights(mustBuild(given), 3);
  const request: TrainerRequest = {
    model: given,
    recipe,
    params: learnedBy(recipe, given, must(paramsOf(given))),
    start: async (kind, name) => (kind === "param" ? weights.f32(name) : null),
  };
  const batch = (seed: number): ReadonlyMap<string, RunTensor> =>
    new Map<string, RunTensor>([
      ["pixel_values", { shape: [2, 3, 16, 16], data: Float32Array.from(testInput(given, 2, seed)) }],
      ["targets", { shape: [2, 5], data: Float32Array.of(1, 0, 0, 0, 0, 0, 0.25, 0, 0.75, 0) }],
    ]);
  return { request, batch };
}

/** What one step from the tiny model's start leaves of each parameter: all kinds that are kept. */
export async function afterStep(open: OpenTrainer): Promise<ReadonlyMap<string, Elements>> {
  const { request, batch } = tiny();
  const trainer = must(await open(request));
  await trainer.accumulate(batch(1), 0.5);
  await trainer.accumulate(batch(2), 0.5);
  await trainer.update({ lr: 1e-3, n: 1 });
  const kept = new Map<string, Elements>();
  for (const { name } of request.params)
    for (const kind of stateKinds) kept.set(`${kind} ${name}`, await trainer.read(kind, name));
  await trainer.close();
  return kept;
}

/** `keep` as the graph takes it, a row an image. */
function byImage(inputs: ReadonlyMap<string, RunTensor>): ReadonlyMap<string, RunTensor> {
  const keep = inputs.get("keep");
  if (keep === undefined) return inputs;
  const [blocks = 0, images = 0] = keep.shape;
  const data = keep.data.map((_, i) => keep.data[(i % blocks) * images + Math.floor(i / blocks)] as number);
  return new Map([...inputs, ["keep", { shape: [images, blocks], data }]]);
}
