import type { AdapterKind } from "../gpu/adapters.ts";
import type { OpenInference } from "./inference.ts";
import type { OpenTrainer } from "./trainer.ts";

/** Executors that train. */
export const trainerNames = ["reference", "webgpu", "cuda-cpu", "cuda"] as const;
export type TrainerName = (typeof trainerNames)[number];

export interface TrainerPlace {
  /** Where WebGPU runs; null on other executors. */
  readonly adapter: AdapterKind | null;
}

/** Each with what it needs, loaded when it is used. */
export const trainers: { readonly [K in TrainerName]: (place: TrainerPlace) => Promise<OpenTrainer> } = {
  reference: async () => (await import("./reference-trainer.ts")).referenceTrainer,
  webgpu: async ({ adapter }) => (await import("./webgpu-trainer.ts")).webgpuTrainer(adapter ?? "gpu"),
  "cuda-cpu": async () => (await import("./cuda-trainer.ts")).cudaTrainer("cpu"),
  cuda: async () => (await import("./cuda-trainer.ts")).cudaTrainer("gpu"),
};

/** How each runs what it has trained. */
export const inferences: { readonly [K in TrainerName]: (place: TrainerPlace) => Promise<OpenInference> } = {
  reference: async () => (await import("./reference.ts")).referenceInference,
  webgpu: async ({ adapter }) => (await import("./webgpu-inference.ts")).webgpuInference(adapter ?? "gpu"),
  "cuda-cpu": async () => (await import("./cuda.ts")).cudaInference("cpu"),
  cuda: async () => (await import("./cuda.ts")).cudaInference("gpu"),
};
