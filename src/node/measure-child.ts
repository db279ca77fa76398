// What `measure` runs in a process of its own: one model on the adapter that the environment gives, timed.
import { describe } from "../emit/wgsl/descriptor.ts";
import { planOf } from "../explore/lowering.ts";
import { requestDevice } from "../runtime/device.ts";
import { createModel } from "../runtime/model.ts";
import { livelyWeights } from "../weights/lively.ts";
import type { AdapterKind } from "./adapters.ts";
import { loadDawn } from "./dawn.ts";
import type { MeasureRequest } from "./measure.ts";
import { drawInputs } from "./run-inputs.ts";

const leastRuns = 5;
const mostRuns = 50;
/** Milliseconds of runs, the first two apart: drivers still compile in the second. */
const enough = 1500;

/** Milliseconds of a pass, the median of several. */
export default async ({ model, form, kind }: MeasureRequest & { readonly kind: AdapterKind }): Promise<number> => {
  const plan = planOf(model, { ...form, tuning: kind });
  const gpu = await loadDawn();
  if (!plan.ok || !gpu.ok) throw new Error("the model was planned and Dawn loaded before this process was started");
  const descriptor = describe(plan.value);
  const device = await requestDevice(descriptor, gpu.value);
  const weights = livelyWeights(1, plan.value.params);
  const running = await createModel(descriptor, { device, weights: name => weights.f32(name) });
  const drawn = drawInputs(model, form.batch, 1);
  const inputs = Object.fromEntries([...drawn].map(([name, { data }]) => [name, data]));
  for (let i = 0; i < 2; i++) await running.run(inputs);
  const times: number[] = [];
  const begin = performance.now();
  while (times.length < leastRuns || (performance.now() - begin < enough && times.length < mostRuns)) {
    const start = performance.now();
    await running.run(inputs);
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)] as number;
};
