import { readFileSync } from "node:fs";
import * as path from "node:path";
import { expect } from "vitest";
import { f32Tensor } from "../../../src/weights/formats/safetensors.ts";
import { elements, type TensorData } from "../../../src/weights/tensor.ts";
import { cnxc } from "../../support/cli.ts";
import { denseName } from "../../support/fcmae.ts";
import { fill, newFolder } from "../../support/folders.ts";
import { goldenParams, goldenWeights } from "../../support/golden.ts";
import { readTensors, writeTensors } from "../../support/tensors.ts";
import {
  endErrors,
  type LoggedStep,
  readTrace,
  type Trace,
  type TraceLimits,
  traceBatch,
  traceErrors,
  traceSpecText,
} from "../../support/traces.ts";

type Tensors = readonly TensorData[];

export const readLog = (file: string): readonly LoggedStep[] =>
  readFileSync(file, "utf8")
    .split("\n")
    .slice(0, -1)
    .map(line => JSON.parse(line));

/** What a trace was trained on, as a file has it. */
export function traceTensors(trace: Trace): Tensors {
  const micros = Array.from({ length: trace.steps * trace.optimizer.accumulate }, (_, i) => i);
  return micros.flatMap(i => {
    const [step, micro] = [Math.floor(i / trace.optimizer.accumulate), i % trace.optimizer.accumulate];
    return [...traceBatch(trace, step, micro)].map(([name, { shape, data }]) =>
      f32Tensor(`${step}.${micro}.${name}`, shape, () => data),
    );
  });
}

/** `cnxc train` gives what torch recorded of a run: its log, its weights, its moments and the average of its weights. */
export async function checkTrace(file: string, words: readonly string[], limits: TraceLimits): Promise<void> {
  const trace = readTrace(file);
  const folder = newFolder();
  const at = (name: string) => path.join(folder, name);
  fill(folder, { "trace.cnx": traceSpecText(trace) });
  const weights = goldenWeights(trace);
  const params = goldenParams(trace);
  await writeTensors(
    at("weights.safetensors"),
    params.map(({ name, shape }) => f32Tensor(name, shape, () => weights.f32(name))),
  );
  await writeTensors(at("batches.safetensors"), traceTensors(trace));
  const files = ["--batches", at("batches.safetensors"), "-w", at("weights.safetensors"), "-o", at("run")];
  const { code, stderr } = await cnxc(["train", at("trace.cnx"), ...files, ...words]);
  expect(stderr).not.toMatch(/error|warning/);
  expect(code).toBe(0);

  const { loss, norm } = traceErrors(trace, readLog(at("run/log.jsonl")));
  expect(loss, "loss").toBeLessThan(limits.loss);
  expect(norm, "gradient norm").toBeLessThan(limits.norm);

  const last = `run/checkpoints/step-${trace.steps}`;
  const model = await readTensors(at(`${last}/model.safetensors`));
  const state = await readTensors(at(`${last}/state.safetensors`));
  const first = new Map<string, Float32Array>();
  for (const { name, shape } of params) {
    const [param, expAvg] = [model.get(name), state.get(`adamw.m.${name}`)];
    expect([param?.shape, expAvg?.shape, state.get(`ema.${name}`)?.shape], name).toEqual([shape, shape, shape]);
    first.set(name, await weights.f32(name));
  }
  const official = new Map(params.map(({ name }) => [denseName(name), name]));
  const { samples, ...norms } = endErrors(
    trace,
    name => {
      const key = official.get(name) ?? "";
      const less = (values: Float32Array | undefined) => values?.map((v, i) => v - (first.get(key)?.[i] ?? 0)) ?? [];
      return {
        moved: less(model.get(key)?.data),
        expAvg: state.get(`adamw.m.${key}`)?.data ?? [],
        expAvgSq: state.get(`adamw.v.${key}`)?.data ?? [],
        averageMoved: less(state.get(`ema.${key}`)?.data),
      };
    },
    "file",
  );
  for (const [what, error] of Object.entries(norms)) expect(error, what).toBeLessThan(limits.moved);
  expect(samples, "samples of what moved").toBeLessThan(limits.samples);
}

/** A file of ready batches for a small model: what `batch` images of it take, drawn. */
export async function drawBatches(
  file: string,
  shapes: Readonly<Record<string, readonly number[]>>,
  steps: number,
  micros = 1,
  change: (name: string, values: Float32Array) => Float32Array = (_, values) => values,
): Promise<void> {
  const tensors: TensorData[] = [];
  for (let step = 0; step < steps; step++)
    for (let micro = 0; micro < micros; micro++)
      for (const [port, shape] of Object.entries(shapes)) {
        const name = `${step}.${micro}.${port}`;
        const drawn = draws[port] ?? (() => 1);
        const values = Float32Array.from({ length: elements(shape) }, (_, i) => drawn(i, step + micro / 7, shape));
        tensors.push(f32Tensor(name, shape, () => change(name, values)));
      }
  await writeTensors(file, tensors);
}

const draws: Readonly<Record<string, (i: number, at: number, shape: readonly number[]) => number>> = {
  pixel_values: (i, at) => Math.sin(i * 1.7 + at * 11),
  targets: (i, at, [, classes = 1]) => (i % classes === Math.floor(i / classes + at) % classes ? 1 : 0),
  keep: () => 1,
};
