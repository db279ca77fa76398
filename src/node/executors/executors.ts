import type { StorageType } from "../../model/model.ts";
import type { AdapterKind } from "../adapters.ts";
import type { Executor } from "./executor.ts";

export const executorNames = ["reference", "webgpu", "onnx", "cuda-cpu", "cuda"] as const;
export type ExecutorName = (typeof executorNames)[number];

export interface Wanted {
  /** Where WebGPU runs; null on other executors. */
  readonly adapter: AdapterKind | null;
  /** How the CUDA executors store weights and activations; the others store f32. */
  readonly dtype: StorageType;
  /** The CUDA executors multiply f32 as TF32. */
  readonly tf32: boolean;
}

/** Each with what it needs, loaded when it is used. */
export const executors: { readonly [K in ExecutorName]: (wanted: Wanted) => Promise<Executor> } = {
  reference: async () => (await import("./reference.ts")).reference,
  webgpu: async ({ adapter }) => (await import("./webgpu.ts")).webgpu(adapter ?? "gpu"),
  onnx: async () => (await import("./onnxruntime.ts")).onnxruntime,
  "cuda-cpu": async wanted => (await import("./cuda.ts")).cuda("cpu", wanted),
  cuda: async wanted => (await import("./cuda.ts")).cuda("gpu", wanted),
};
