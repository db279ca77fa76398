import type { Gradients } from "../compile.ts";
import type { Batch, Model, StorageType, TargetName } from "../model/model.ts";
import type { SiteLayout } from "../passes/site-layout.ts";
import type { ProfileName } from "../plan/tiles/tuning-profiles.ts";

/** Targets that are made of kernels; the first is the default. */
export const kernelTargets = ["wgsl", "cuda"] as const satisfies readonly TargetName[];
export type KernelTargetName = (typeof kernelTargets)[number];

/** Which tiles each has unless it is told otherwise. */
export const defaultProfile = { wgsl: "gpu", cuda: "cuda" } as const satisfies Record<KernelTargetName, ProfileName>;

/** What is looked into: a model, as one target runs it. */
export interface Subject {
  readonly model: Model;
  readonly target: KernelTargetName;
  readonly dtype: StorageType;
  readonly batch: Batch;
  readonly sites: SiteLayout;
  /** As it learns, with its gradients; null or left out for inference. */
  readonly learning?: Gradients | null;
}
