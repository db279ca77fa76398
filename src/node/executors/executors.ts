import type { AdapterKind } from "../adapters.ts";
import type { Executor } from "./executor.ts";

export const executorNames = ["reference", "webgpu", "onnx"] as const;
export type ExecutorName = (typeof executorNames)[number];

/** Each with what it needs, loaded when it is used. */
export const executors: { readonly [K in ExecutorName]: (adapter: AdapterKind | null) => Promise<Executor> } = {
  reference: async () => (await import("./reference.ts")).reference,
  webgpu: async adapter => (await import("./webgpu.ts")).webgpu(adapter ?? "gpu"),
  onnx: async () => (await import("./onnxruntime.ts")).onnxruntime,
};
