import { expect } from "vitest";
import { plan } from "../../../src/compile.ts";
import { describe } from "../../../src/emit/wgsl/descriptor.ts";
import { wgslTarget } from "../../../src/emit/wgsl/target.ts";
import { evaluate, type Values, widen } from "../../../src/graph/evaluate.ts";
import { read } from "../../../src/graph/read.ts";
import type { SiteLayout } from "../../../src/passes/site-layout.ts";
import { place } from "../../../src/plan/place.ts";
import { schedule } from "../../../src/plan/schedule.ts";
import { generatorTensor } from "../../../src/weights/made/generator.ts";
import { elements } from "../../../src/weights/tensor.ts";
import { learningCase } from "../../graph/finite-differences.ts";
import { worst } from "../../support/tolerance.ts";
import type { WebgpuProcess } from "../../support/webgpu-process.ts";
import { must } from "../../syntax/support.ts";

/** A gradient's distance from the interpreter's, in its own norm; what is next to nothing of all gradients is not looked at. */
const limit = 2e-5;
const nothing = 1e-7;

const normOf = (values: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] as number) ** 2;
  return Math.sqrt(sum);
};

/** WebGPU's gradients of a random model are the interpreter's, and the same bits once more. */
export async function compareGradients(gpu: WebgpuProcess, seed: number): Promise<void> {
  const { model, graphs, values, batch, dropPath } = await learningCase(seed);
  const wanted = evaluate(graphs[0] as (typeof graphs)[number], values);
  const learned = new Set([...wanted.keys()].map(name => name.replace(/^grad\./, "")));
  const sites = (["auto", "compact", "masked"] as const satisfies readonly SiteLayout[])[seed % 3];
  const learning = { dropPath, wanted: (name: string) => learned.has(name) };
  const target = wgslTarget("swiftshader", false);
  const planned = must(plan({ model, target, batch: { min: batch, max: batch }, sites, learning })).plan;
  const f32 = (name: string) => Float32Array.from((values.get(name) as Values).data);
  const inputs = Object.fromEntries(planned.inputs.map(({ name }) => [name, f32(name)]));
  const { outputs } = await gpu.run({
    descriptor: describe(planned),
    weights: { kind: "tensors", tensors: new Map(planned.params.map(({ name }) => [name, f32(name)])) },
    runs: [inputs, inputs],
  });
  const [first = {}, again = {}] = outputs;
  const gradients = [...wanted].filter(([name]) => name.startsWith("grad."));
  const whole = Math.hypot(...gradients.map(([, { data }]) => normOf(data)));
  for (const [name, { data }] of wanted) {
    const found = first[name] as Float32Array;
    expect(found?.length, name).toBe(data.length);
    const norm = normOf(data);
    const off = normOf(data.map((v, i) => v - (found[i] as number)));
    if (norm <= nothing * whole) expect(off, name).toBeLessThanOrEqual(10 * nothing * whole);
    else expect(off / norm, `${name}, ${norm} of ${whole}`).toBeLessThan(limit);
    expect(
      [...found].every((v, i) => Object.is(v, again[name]?.[i])),
      `${name}, once more`,
    ).toBe(true);
  }
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

/** Sums over so many rows are within 3e-6 of their rms, whatever the mean of what is summed. */
export async function compareLongSums(gpu: WebgpuProcess, mean: number): Promise<void> {
  const batch = 20;
  const shape = [batch, 128, 128, 8];
  const drawn = (name: string) => generatorTensor(3, name, elements(shape), mean, 1.7);
  const inputs = { x: Float32Array.from(drawn("x")), d: Float32Array.from(drawn("d")) };
  const wanted = evaluate(sums, new Map(Object.entries(inputs).map(([name, data]) => [name, widen(shape, data)])));
  const images = { min: batch, max: batch };
  const target = wgslTarget("swiftshader", false);
  const planned = place(schedule(sums, images, target.profile(images)), target);
  const weights = { kind: "tensors", tensors: new Map<string, Float32Array>() } as const;
  const { outputs } = await gpu.run({ descriptor: describe(planned), weights, runs: [inputs] });
  for (const [name, { data }] of wanted)
    expect(worst(outputs[0]?.[name] as Float32Array, data), `${name}, mean ${mean}`).toBeLessThan(3e-6);
}
