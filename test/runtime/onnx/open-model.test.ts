import * as fs from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { loadDawn } from "../../../src/node/gpu/dawn.ts";
import type { OnnxSource } from "../../../src/runtime/choose.ts";
import type { ModelDescriptor } from "../../../src/runtime/descriptor.ts";
import { createModel, type Model, type ModelOptions } from "../../../src/runtime/model.ts";
import { openModel } from "../../../src/runtime/onnx/open-model.ts";
import { f32Tensor, writeSafetensors } from "../../../src/weights/formats/safetensors.ts";
import { cnxc } from "../../support/cli.ts";
import { goldenInput, goldenParams, goldenWeights, readGolden } from "../../support/golden.ts";
import { adapter, testDevice } from "../../support/gpu.ts";
import { expectLogits } from "../../support/tolerance.ts";
import { classes, images, tensors, descriptor as tiny } from "../support.ts";

const folder = path.resolve("node_modules/.cache/cnxc-open-model");
const golden = readGolden<{ readonly logits: { readonly values: number[] } }>("dense/micro-64x64-b2");
const pixel_values = goldenInput(golden).values;

/** ONNX Runtime for Node, which has the functions of that for the Web. */
const runtime = () => import("onnxruntime-node");

describe("a model without WebGPU", () => {
  let module: { descriptor: ModelDescriptor; createModel: (options: ModelOptions) => Promise<Model> };
  let server: http.Server;
  let onnx: OnnxSource & { readonly model: string };

  beforeAll(async () => {
    fs.rmSync(folder, { recursive: true, force: true });
    fs.mkdirSync(folder, { recursive: true });
    const source = goldenWeights(golden);
    const params = goldenParams(golden).map(({ name, shape }) => f32Tensor(name, shape, () => source.f32(name)));
    const parts: Uint8Array[] = [];
    for await (const part of writeSafetensors(params)) parts.push(part);
    const weights = path.join(folder, "weights.safetensors");
    fs.writeFileSync(weights, Buffer.concat(parts));
    const words = ["compile", "specs/micro.cnx", "-m", "micro", "-w", weights, "--batch", "1..2"];
    const out = (name: string) => path.join(folder, name);
    expect(await cnxc([...words, "-t", "wgsl,onnx", "-o", out("plain")])).toMatchObject({ code: 0 });
    expect(await cnxc([...words, "-t", "onnx", "--preprocess", "-o", out("images")])).toMatchObject({ code: 0 });
    const { descriptor } = await import(/* @vite-ignore */ path.join(out("plain"), "micro/model.js"));
    module = { descriptor, createModel: options => createModel(descriptor, options) };
    server = http.createServer((request, response) => {
      const [, file = "", chunked] = /^\/(\w+)(\?chunked)?$/.exec(request.url ?? "") ?? [];
      const graph = path.join(folder, file, "micro/onnx/model.onnx");
      if (!fs.existsSync(graph)) return void response.writeHead(404).end();
      const bytes = fs.readFileSync(graph);
      response.writeHead(200, chunked ? {} : { "content-length": bytes.length });
      response.write(bytes.subarray(0, 1000));
      response.end(bytes.subarray(1000));
    });
    await new Promise<void>(done => server.listen(0, "127.0.0.1", done));
    onnx = { model: `http://127.0.0.1:${(server.address() as AddressInfo).port}/plain`, runtime };
  });
  afterAll(() => server?.close());

  const open = (more: object = {}) => openModel(module, { weights: {}, onnx, ...more });

  test("has PyTorch's logits, where there is no WebGPU and where ONNX Runtime is asked for", async () => {
    for (const options of [{}, { on: "onnx" }]) {
      const model = await open(options);
      expect(model.on).toBe("onnx");
      const [both, first] = await Promise.all([
        model.run({ pixel_values }),
        model.run({ pixel_values: pixel_values.subarray(0, pixel_values.length / 2) }),
      ]);
      expectLogits([...(both.logits ?? [])], golden.logits.values);
      expectLogits([...(first.logits ?? [])], golden.logits.values.slice(0, golden.logits.values.length / 2));
      model.dispose();
      model.dispose();
      await expect(model.run({ pixel_values })).rejects.toMatchObject({ name: "DisposedError" });
    }
  });

  test.skipIf(adapter === null)("is for adapters of software too, unless WebGPU is asked for", async () => {
    const gpu = await loadDawn();
    if (!gpu.ok) throw new Error("unreachable");
    vi.stubGlobal("navigator", { gpu: gpu.value });
    onTestFinished(() => void vi.unstubAllGlobals());
    const free = await open();
    expect(free.on).toBe(adapter?.info.isFallbackAdapter ? "onnx" : "webgpu");
    free.dispose();

    // Of as few kernels as there can be.
    const small = { descriptor: tiny, createModel: (options: ModelOptions) => createModel(tiny, options) };
    const forced = await openModel(small, { weights: tensors, onnx, on: "webgpu" });
    expect(forced.on).toBe("webgpu");
    const given = await testDevice();
    const own = await openModel(small, { weights: tensors, onnx, device: given });
    expect(own.on).toBe("webgpu");
    const inputs = { pixel_values: images(2) };
    const { logits } = await forced.run(inputs);
    expect(logits?.length).toBe(2 * classes);
    expect(await own.run(inputs)).toEqual({ logits });
    for (const model of [forced, own]) {
      model.dispose();
      await expect(model.run(inputs)).rejects.toMatchObject({ code: "disposed" });
    }
    const refused = openModel(small, { weights: {}, onnx, on: "webgpu" });
    await expect(refused).rejects.toMatchObject({ code: "weights" });
    (await openModel(small, { weights: tensors, device: given })).dispose();
    given.destroy();
  });

  test.each(["plain", "plain?chunked"])("progress begins above zero and ends whole: %s", async file => {
    const told: number[] = [];
    const model = onnx.model.replace("plain", file);
    const onProgress = ({ loaded, total }: { readonly loaded: number; readonly total: number }) =>
      void told.push(loaded / total);
    (await open({ onnx: { ...onnx, model }, onProgress })).dispose();
    expect(told.every(part => part > 0 && part <= 1)).toBe(true);
    expect(told.indexOf(1)).toBe(told.length - 1);
  });

  test("refuses what it cannot run", async () => {
    const model = await open();
    const run = model.run as (inputs: unknown, options?: object) => Promise<unknown>;
    await expect(run({})).rejects.toThrow("no input 'pixel_values'");
    await expect(run({ pixel_values: new Float32Array(3 * pixel_values.length) })).rejects.toThrow("6 images");
    const buffer = { mapState: "unmapped", size: pixel_values.byteLength, usage: 0x80 };
    await expect(run({ pixel_values: buffer })).rejects.toThrow("is a GPUBuffer: ONNX Runtime takes an array");
    const signal = AbortSignal.abort();
    await expect(run({ pixel_values }, { signal })).rejects.toMatchObject({ name: "AbortError" });
    expectLogits([...((await model.run({ pixel_values })).logits ?? [])], golden.logits.values);
    model.dispose();
  });

  test("says what is wrong with a graph, or with what runs it", async () => {
    const graph = (name: string) => ({ onnx: { ...onnx, model: onnx.model.replace("plain", name) } });
    const refused = (more: object) => expect(open(more)).rejects;
    await refused(graph("nowhere")).toThrow("answers 404");
    await refused(graph("images")).toThrow("no input 'pixel_values': compile it without --preprocess");
    await refused({ onnx: { ...onnx, runtime: () => Promise.reject(new Error("offline")) } }).toMatchObject({
      name: "OnnxError",
      message: "ONNX Runtime cannot be loaded: offline",
    });
    await refused({ onnx: { ...onnx, options: { executionProviders: ["none such"] } } }).toMatchObject({
      code: "onnx",
    });
    await refused({ onnx: { model: 5, runtime } }).toMatchObject({ code: "input" });
    await refused({ signal: AbortSignal.abort() }).toMatchObject({ code: "aborted" });
    await refused({ on: "webgpu" }).toMatchObject({ code: "adapter" });
    await refused({ onnx: undefined }).toMatchObject({ code: "adapter" });
    await expect(openModel(module, undefined as never)).rejects.toMatchObject({ code: "input" });
    const other = {
      ...module,
      descriptor: { ...module.descriptor, outputs: [{ ...module.descriptor.outputs[0], name: "x" }] },
    };
    await expect(openModel(other as typeof module, { weights: {}, onnx })).rejects.toThrow("it has no output 'x'");
  });
});
