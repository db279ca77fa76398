import type { StorageType } from "../../model/model.ts";
import { storedBy } from "../../model/select.ts";
import type { Wanted } from "./executors.ts";
import type { OpenInference } from "./inference.ts";
import type { OpenTrainer } from "./trainer.ts";

/** Executors that train, all of them in f32; CUDA's also with maps in 16 bits. */
export const trainerNames = ["reference", "webgpu", "cuda-cpu", "cuda"] as const;
export type TrainerName = (typeof trainerNames)[number];

/** What maps and packed weights can be kept in. */
export const trainerStorage: { readonly [K in TrainerName]: readonly StorageType[] } = {
  reference: ["f32"],
  webgpu: ["f32"],
  "cuda-cpu": storedBy.cuda,
  cuda: storedBy.cuda,
};

/** Where and how they compute; parameters, moments and gradients are f32 on all of them but the reference. */
export type TrainerPlace = Wanted;

/** Each with what it needs, loaded when it is used. */
export const trainers: { readonly [K in TrainerName]: (place: TrainerPlace) => Promise<OpenTrainer> } = {
  reference: async () => (await import("./reference-trainer.ts")).referenceTrainer,
  webgpu: async ({ adapter }) => (await import("./webgpu-trainer.ts")).webgpuTrainer(adapter ?? "gpu"),
  "cuda-cpu": async place => (await import("./cuda-trainer.ts")).cudaTrainer("cpu", place),
  cuda: async place => (await import("./cuda-trainer.ts")).cudaTrainer("gpu", place),
};

/** How each runs what it has trained. */
export const inferences: { readonly [K in TrainerName]: (place: TrainerPlace) => Promise<OpenInference> } = {
  reference: async () => (await import("./reference.ts")).referenceInference,
  webgpu: async ({ adapter }) => (await import("./webgpu-inference.ts")).webgpuInference(adapter ?? "gpu"),
  "cuda-cpu": async place => (await import("./cuda.ts")).cudaInference("cpu", place),
  cuda: async place => (await import("./cuda.ts")).cudaInference("gpu", place),
};
