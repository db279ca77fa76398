import { referenceTrainer } from "../../../src/node/executors/reference-trainer.ts";
import type { OpenTrainer, Trainer } from "../../../src/node/executors/trainer.ts";
import { paramsOf } from "../../../src/node/inputs/open-weights.ts";
import type { RunTensor } from "../../../src/node/inputs/tensors.ts";
import { learnedBy } from "../../../src/training/learned.ts";
import { learningRate } from "../../../src/training/learning-rate.ts";
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
  const { model, weights } = traceModel(trace);
  const recipe = traceRecipe(trace, model);
  const params = learnedBy(recipe, model, must(paramsOf(model)));
  const start = async (kind: string, name: string) => (kind === "param" ? weights.f32(name) : null);
  const trainer: Trainer = must(await open({ model, recipe, params, start }));
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

/** `keep` as the graph takes it, a row an image. */
function byImage(inputs: ReadonlyMap<string, RunTensor>): ReadonlyMap<string, RunTensor> {
  const keep = inputs.get("keep");
  if (keep === undefined) return inputs;
  const [blocks = 0, images = 0] = keep.shape;
  const data = keep.data.map((_, i) => keep.data[(i % blocks) * images + Math.floor(i / blocks)] as number);
  return new Map([...inputs, ["keep", { shape: [images, blocks], data }]]);
}
