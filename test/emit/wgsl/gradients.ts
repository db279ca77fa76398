import { expect } from "vitest";
import { plan } from "../../../src/compile.ts";
import { describe } from "../../../src/emit/wgsl/descriptor.ts";
import { wgslTarget } from "../../../src/emit/wgsl/target.ts";
import { evaluate, type Values, widen } from "../../../src/graph/evaluate.ts";
import { read } from "../../../src/graph/read.ts";
import { place } from "../../../src/plan/place.ts";
import { schedule } from "../../../src/plan/schedule.ts";
import { tuningProfiles, type WebgpuProfileName } from "../../../src/plan/tiles/tuning-profiles.ts";
import type { ModelDescriptor } from "../../../src/runtime/descriptor.ts";
import { generatorTensor } from "../../../src/weights/made/generator.ts";
import { elements } from "../../../src/weights/tensor.ts";
import type { Recording } from "../../graph/gradients.ts";
import { worst } from "../../support/tolerance.ts";
import type { WebgpuProcess } from "../../support/webgpu-process.ts";
import { must } from "../../syntax/support.ts";

/** What is done to kernels before they run: planted faults. */
type Change = (code: string) => string;
const asTheyAre: Change = code => code;

/** The descriptor with its kernels changed; where a change is wanted, there must be somewhere to make it. */
function changed(descriptor: ModelDescriptor, change: Change): ModelDescriptor {
  const kernels = descriptor.kernels.map(kernel => ({ ...kernel, code: change(kernel.code) }));
  if (change !== asTheyAre) expect(kernels, "nowhere to make it").not.toEqual(descriptor.kernels);
  return { ...descriptor, kernels };
}

const f32 = ({ data }: Pick<Values, "data">): Float32Array<ArrayBuffer> => Float32Array.from(data);

/** WebGPU's loss and gradients of a recording, on compact maps where there is a mask. */
export async function gradientsOf(
  gpu: WebgpuProcess,
  { model, weights, inputs, batch }: Recording & { readonly batch: number },
  change = asTheyAre,
  tiles: WebgpuProfileName = "swiftshader",
): Promise<Readonly<Record<string, Float32Array>>> {
  const learning = {
    dropPath: false,
    wanted: (name: string, isParam: boolean) => isParam || name === "pixel_values",
  };
  const target = wgslTarget(tiles, false);
  const planned = must(plan({ model, target, batch: { min: batch, max: batch }, sites: "compact", learning })).plan;
  const tensors = new Map<string, Float32Array>();
  for (const { name } of planned.params) tensors.set(name, await weights.f32(name));
  const { outputs } = await gpu.run({
    descriptor: changed(describe(planned, tuningProfiles[tiles].sharesKernels), change),
    weights: { kind: "tensors", tensors },
    runs: [Object.fromEntries([...inputs].map(([name, values]) => [name, f32(values)]))],
  });
  return outputs[0] ?? {};
}

/** 327,680 rows in twenty images: sums of products, of taps and of columns. */
const sums = read(`graph sums {
  %x = input() : f32[N, 128, 128, 8]
  %d = input() : f32[N, 128, 128, 8]
  %w = linearWeightGrad(%d, %x) : f32[8, 8]
  %k = depthwiseWeightGrad(%d, %x) {kernel: 3} : f32[8, 1, 3, 3]
  %b = channelSum(%d) : f32[8]
  %g = channelDot(%d, %x) {over: batch} : f32[8]
  return w: %w, k: %k, b: %b, g: %g
}
`);

/** How far sums over so many rows are off at the most, over their rms; `mean` is that of what is summed. */
export async function longSums(
  gpu: WebgpuProcess,
  mean: number,
  change = asTheyAre,
  tiles: WebgpuProfileName = "swiftshader",
): Promise<number> {
  const batch = 20;
  const shape = [batch, 128, 128, 8];
  const drawn = (name: string) => Float32Array.from(generatorTensor(3, name, elements(shape), mean, 1.7));
  const inputs = { x: drawn("x"), d: drawn("d") };
  const wanted = evaluate(sums, new Map(Object.entries(inputs).map(([name, data]) => [name, widen(shape, data)])));
  const images = { min: batch, max: batch };
  const target = wgslTarget(tiles, false);
  const planned = place(schedule(sums, images, target.profile(images)), target);
  const weights = { kind: "tensors", tensors: new Map<string, Float32Array>() } as const;
  const { outputs } = await gpu.run({
    descriptor: changed(describe(planned, tuningProfiles[tiles].sharesKernels), change),
    weights,
    runs: [inputs],
  });
  return Math.max(...[...wanted].map(([name, { data }]) => worst(outputs[0]?.[name] as Float32Array, data)));
}
