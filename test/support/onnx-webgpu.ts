import * as path from "node:path";
import type { OnnxValue } from "../../src/node/executors/onnx.ts";
import { spawnWithAdapter } from "../../src/node/gpu/gpu-process.ts";

const runner = path.join(import.meta.dirname, "onnx-webgpu.mjs");

/** One run in ONNX Runtime's WebGPU provider on lavapipe, which has `shader-f16`; outputs by name. */
export async function runOnWebgpu(
  model: Uint8Array,
  inputs: ReadonlyMap<string, OnnxValue>,
): Promise<ReadonlyMap<string, OnnxValue>> {
  const answer = await spawnWithAdapter<ReadonlyMap<string, OnnxValue>>("lavapipe", runner, { model, inputs });
  if (!answer.ok) throw new Error(answer.diagnostics[0]?.message);
  return answer.value;
}
