// @ts-check
// Runs in a process of its own, started for an adapter: one ONNX model in ONNX Runtime's WebGPU provider.
import { runOnnx } from "../../dist/node/executors/onnx.js";

/** @param {{ model: Uint8Array, inputs: ReadonlyMap<string, { shape: readonly number[], data: Float32Array }> }} job */
export default async ({ model, inputs }) => {
  const run = await runOnnx({ model }, inputs, { provider: "webgpu" });
  if (!run.ok) throw new Error(run.diagnostics[0]?.message);
  return run.value.outputs;
};
