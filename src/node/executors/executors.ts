import type { StorageType } from "../../model/model.ts";
import { isF16, storedBy } from "../../model/select.ts";
import type { AdapterKind } from "../gpu/adapters.ts";
import { type Executor, once, type Prepare } from "./executor.ts";

export const executorNames = ["reference", "webgpu", "onnx", "cuda-cpu", "cuda"] as const;
export type ExecutorName = (typeof executorNames)[number];

export interface Wanted {
  /** Where WebGPU runs; null on other executors. */
  readonly adapter: AdapterKind | null;
  /** How weights and activations are stored. */
  readonly dtype: StorageType;
  /** The CUDA executors multiply f32 as TF32. */
  readonly tf32: boolean;
}

/** What each can store. */
export const executorStorage: { readonly [K in ExecutorName]: readonly StorageType[] } = {
  reference: ["f32"],
  webgpu: storedBy.wgsl,
  onnx: storedBy.onnx,
  "cuda-cpu": storedBy.cuda,
  cuda: storedBy.cuda,
};

/** Those that compute gradients too. */
export const learningExecutors: readonly ExecutorName[] = ["reference", "webgpu", "cuda-cpu", "cuda"];

/** Each with what it needs, loaded when it is used. */
export const preparing: { readonly [K in ExecutorName]: (wanted: Wanted) => Promise<Prepare> } = {
  reference: async () => (await import("./reference.ts")).reference,
  webgpu: async ({ adapter, dtype }) => (await import("./webgpu.ts")).webgpu(adapter ?? "gpu", isF16[dtype]),
  onnx: async ({ dtype }) => (await import("./onnxruntime.ts")).onnxruntime(isF16[dtype]),
  "cuda-cpu": async wanted => (await import("./cuda.ts")).cuda("cpu", wanted),
  cuda: async wanted => (await import("./cuda.ts")).cuda("gpu", wanted),
};

export const executor = async (name: ExecutorName, wanted: Wanted): Promise<Executor> =>
  once(await preparing[name](wanted));
