import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { loadOnnxCodec, type OnnxCodec } from "../../src/emit/onnx-proto.ts";
import { evaluate, type Values } from "../../src/graph/evaluate.ts";
import type { ValueId } from "../../src/graph/graph.ts";
import { verify } from "../../src/graph/verify.ts";
import { openOnnx } from "../../src/node/executors/onnx.ts";
import { spawnWithAdapter } from "../../src/node/gpu/gpu-process.ts";
import { runPasses } from "../../src/passes/pass.ts";
import type { ModelDescriptor } from "../../src/runtime/descriptor.ts";
import { compiledBytes, outputsOf } from "../emit/onnx/compiled.ts";
import { goldenInput, goldenParams, goldenWeights, readGolden } from "../support/golden.ts";
import { feed, goldenModel, mustBuild } from "../support/models.ts";
import { limitsOf, relL2, worst } from "../support/tolerance.ts";
import { compiledWgsl } from "../support/wgsl.ts";
import {
  barrierFaults,
  barriers,
  type GpuFault,
  onnxFaults,
  passFaults,
  planFaults,
  weightsFaults,
  wgslFaults,
} from "./seeded.ts";

interface Dense {
  readonly logits: { readonly values: number[] };
}

const goldenOf = (file: string) => readGolden<Dense>(file.includes("/") ? file : `dense/${file}`);

/** Why a backend's logits would fail the golden test, or null where they would pass. */
function wrongLogits(file: string, found: ArrayLike<number> | undefined): string | null {
  const { name, logits } = goldenOf(file);
  const limits = limitsOf(name);
  const [off, most] = [relL2(found ?? [], logits.values), worst(found ?? [], logits.values)];
  // A NaN is no number below a limit.
  return off < limits.logitsRelL2 && most < limits.logit ? null : `off by ${off.toExponential(1)}`;
}

/** What every fault came to, for whoever reads the log. */
const log: { readonly where: string; readonly name: string; readonly caught: string | null }[] = [];
function settle(where: string, { name, survives }: { name: string; survives?: string }, caught: string | null): void {
  log.push({ where, name, caught });
  if (survives === undefined) expect(caught, `nothing saw '${name}'`).not.toBe(null);
  else expect(caught, `'${name}' is seen after all: ${caught}`).toBe(null);
}

afterAll(() => {
  const missed = log.filter(({ caught }) => caught === null);
  if (process.env.CNXC_SHOW_FAULTS !== undefined)
    for (const { where, name, caught } of log)
      console.info(`${where}: ${name}: ${caught?.split("\n")[0] ?? "SURVIVED"}`);
  expect(missed.length).toBeLessThanOrEqual(0.05 * log.length);
});

interface GpuAnswer {
  readonly logits?: Float32Array;
  readonly refused?: string;
}

describe("kernels and plans, on SwiftShader", () => {
  const controls = [...new Set([...wgslFaults, ...planFaults].map(fault => fault.on))];
  const faults: readonly (GpuFault & { readonly where: string })[] = [
    ...wgslFaults.map(fault => ({ ...fault, where: "wgsl" })),
    ...planFaults.map(fault => ({ ...fault, where: "plan" })),
  ];
  let answers: readonly GpuAnswer[] = [];

  beforeAll(async () => {
    const good = new Map<string, ModelDescriptor>(
      controls.map(file => [file, compiledWgsl({ model: goldenModel(goldenOf(file)), batch: 2 })]),
    );
    const data: Record<string, { weights: Record<string, Float32Array>; input: Float32Array }> = {};
    for (const file of controls) {
      const golden = goldenOf(file);
      const source = goldenWeights(golden);
      const weights: Record<string, Float32Array> = {};
      for (const { name } of goldenParams(golden)) weights[name] = await source.f32(name);
      data[file] = { weights, input: goldenInput(golden).values };
    }
    const jobs = [
      ...controls.map(file => ({ file, descriptor: good.get(file) })),
      ...faults.map(({ on, plant }) => ({ file: on, descriptor: plant(good.get(on) as ModelDescriptor) })),
    ];
    const child = path.join(import.meta.dirname, "seeded-gpu.mjs");
    const ran = await spawnWithAdapter<{ answers: GpuAnswer[] }>("swiftshader", child, { jobs, data });
    if (!ran.ok) throw new Error(ran.diagnostics[0]?.message);
    answers = ran.value.answers;
  });

  test.each(controls.map((file, i) => ({ file, i })))("without a fault, $file passes", ({ file, i }) => {
    expect(answers[i]?.refused).toBe(undefined);
    expect(wrongLogits(file, answers[i]?.logits)).toBe(null);
  });

  test.each(faults.map((fault, i) => ({ ...fault, i })))("$where: $name", ({ i, ...fault }) => {
    const { refused, logits } = answers[controls.length + i] ?? {};
    settle(fault.where, fault, refused === undefined ? wrongLogits(fault.on, logits) : `refused: ${refused}`);
  });
});

describe("barriers, by their number", () => {
  const count = (code: string): number => code.split("workgroupBarrier();").length - 1;
  const { kernels } = compiledWgsl({ model: goldenModel(goldenOf("micro-64x64-b2")), batch: 2 });
  const pinned = (name: string): number | undefined => barriers.find(([kernel]) => kernel.test(name))?.[1];

  test("every kernel has as many as it is to have", () => {
    const found = Object.fromEntries(kernels.map(({ name, code }) => [name, count(code)]));
    expect(found).toEqual(Object.fromEntries(kernels.map(({ name }) => [name, pinned(name)])));
  });

  test.each(["gpu", "lavapipe"] as const)("tiles for %s: no workgroup memory without a barrier", tuning => {
    const tiled = compiledWgsl({ model: goldenModel(goldenOf("micro-64x64-b2")), batch: 2, tuning });
    const without = tiled.kernels.filter(({ code }) => code.includes("var<workgroup>") && count(code) === 0);
    expect(without.map(({ name }) => name)).toEqual([]);
  });

  test.each(barrierFaults)("a barrier removed from %s", name => {
    const code = kernels.find(kernel => kernel.name === name)?.code ?? "";
    const planted = code.replace("workgroupBarrier();", "");
    expect(planted).not.toBe(code);
    settle("barrier", { name }, count(planted) === pinned(name) ? null : `${count(planted)} of ${pinned(name)}`);
  });
});

describe("passes, by the verifier and the interpreter", () => {
  test.each(passFaults)("$name", async fault => {
    const golden = goldenOf(fault.on ?? "micro-64x64-b2");
    const { shape, values } = goldenInput(golden);
    const graph = mustBuild(goldenModel(golden));
    const given = await feed(graph, goldenWeights(golden), values, shape[0] as number);
    const wanted = evaluate(graph, given).get("logits")?.data ?? [];
    const before = runPasses(graph, fault.after);
    const right = fault.pass.run(before);
    const off = (of: typeof right): number => relL2(evaluate(of, given).get("logits")?.data ?? [], wanted);
    expect(off(verify(right, fault.pass.name))).toBeLessThan(1e-12);
    const planted = fault.plant(right);
    settle("pass", fault, refusal(() => verify(planted, fault.pass.name)) ?? moved(off(planted)));
  });

  const moved = (by: number): string | null => (by < 1e-12 ? null : `off by ${by.toExponential(1)}`);
  function refusal(work: () => unknown): string | null {
    try {
      work();
      return null;
    } catch (cause) {
      return `refused: ${(cause as Error).message}`;
    }
  }
});

describe("weights, by the interpreter", () => {
  test.each(weightsFaults)("$name", async fault => {
    const file = "micro-64x64-b2";
    const golden = goldenOf(file);
    const { shape, values } = goldenInput(golden);
    const graph = mustBuild(goldenModel(golden));
    const source = goldenWeights(golden);
    const tensors = new Map<string, Float32Array>();
    for (const { name } of goldenParams(golden)) tensors.set(name, await source.f32(name));
    const shapes = new Map(goldenParams(golden).map(param => [param.name, param.shape]));
    const read = (name: string): Float32Array => tensors.get(name) ?? new Float32Array();
    const logits = async (f32: (name: string) => Promise<Float32Array>) => {
      const given: Map<ValueId, Values> = await feed(graph, { ...source, f32 }, values, shape[0] as number);
      return evaluate(graph, given).get("logits")?.data;
    };
    expect(wrongLogits(file, await logits(async name => read(name)))).toBe(null);
    settle("weights", fault, wrongLogits(file, await logits(async n => fault.plant(n, read, shapes.get(n) ?? []))));
  });
});

describe("ONNX graphs, by ONNX Runtime", () => {
  let codec: OnnxCodec;
  beforeAll(async () => {
    codec = await loadOnnxCodec();
  });

  test.each(onnxFaults)("$name", async fault => {
    const golden = goldenOf(fault.on);
    const model = goldenModel(golden);
    const given = { model, graph: mustBuild(model), weights: goldenWeights(golden) };
    const right = codec.decodeModel((await compiledBytes(given)).model);
    const outcome = async (of: typeof right): Promise<string | null> => {
      const session = await openOnnx({ model: codec.encodeModel(of) }, { threads: 2 });
      if (!session.ok) return `refused: ${session.diagnostics[0]?.message}`;
      onTestFinished(() => session.value.close());
      const outputs = await outputsOf(session.value, model, goldenInput(golden).values).catch((cause: Error) => cause);
      if (outputs instanceof Error) return `refused: ${outputs.message}`;
      return wrongLogits(fault.on, outputs.get("logits")?.data);
    };
    expect(await outcome(right)).toBe(null);
    settle("onnx", fault, await outcome(fault.plant(right)));
  });
});
