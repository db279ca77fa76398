import type { ModelDescriptor } from "./descriptor.ts";
import { isSoftware, requestDevice } from "./device.ts";
import { check, ModelError } from "./errors.ts";

/** What a model is run by: the kernels, or ONNX Runtime. */
export type RunsOn = "webgpu" | "onnx";

/** An ONNX graph of the same model, and what runs it. */
export interface OnnxSource {
  /** The address of the graph, which holds its weights. */
  readonly model: string | { readonly href: string };
  /** Imports ONNX Runtime, the package `onnxruntime-web`. Called only where it is needed. */
  readonly runtime: () => Promise<unknown>;
  /** Of `InferenceSession.create`. */
  readonly options?: object | undefined;
}

export interface Choice {
  /** A device of yours, on which WebGPU it is. */
  readonly device?: GPUDevice | undefined;
  /** What runs the model where there is no WebGPU, or none that a GPU is behind; without it there are no two ways. */
  readonly onnx?: OnnxSource | undefined;
  /** By this, and by nothing else. */
  readonly on?: RunsOn | undefined;
}

/**
 * The device to run on, or null for ONNX Runtime, which it is where there is a graph and WebGPU has no adapter, one that is
 * software, or one that allows too little. Throws InputError, and what `requestDevice` throws.
 */
export async function chooseDevice(
  descriptor: ModelDescriptor,
  { device, onnx, on }: Choice,
): Promise<GPUDevice | null> {
  check(on === undefined || on === "webgpu" || on === "onnx", "input", `on is "webgpu" or "onnx", not ${String(on)}`);
  check(on !== "onnx" || onnx, "input", "to run on ONNX Runtime, onnx: { model, runtime } has to say where that is");
  if (on === "onnx") return null;
  if (device !== undefined) return device;
  const isFree = on === undefined && onnx !== undefined;
  if (isFree && (await onlySoftware())) return null;
  try {
    return await requestDevice(descriptor);
  } catch (cause) {
    if (isFree && cause instanceof ModelError && (cause.code === "adapter" || cause.code === "limit")) return null;
    throw cause;
  }
}

/** Whether the only adapter is the CPU under another name: ONNX Runtime makes more of that. */
async function onlySoftware(): Promise<boolean> {
  const { gpu } = (globalThis as { navigator?: { gpu?: GPU } }).navigator ?? {};
  const adapter = await gpu?.requestAdapter({ powerPreference: "high-performance" }).catch(() => null);
  return isSoftware(adapter?.info);
}
