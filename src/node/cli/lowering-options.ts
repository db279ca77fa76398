import type { Option } from "commander";
import { type KernelTargetName, kernelTargets } from "../../inspect/subject.ts";
import { type StorageType, storageTypes } from "../../model/model.ts";
import type { LoweringChoice } from "../jobs/info.ts";
import { choice } from "./options.ts";

/** Options of commands that look at what a target makes of a model. */
export interface LoweringOptions {
  readonly target?: KernelTargetName;
  readonly dtype?: StorageType;
  readonly batch?: { readonly min: number; readonly max: number };
  readonly sites: LoweringChoice["sites"];
}

export const loweringTarget = (): Option => choice("-t, --target <name>", "the target (default: wgsl)", kernelTargets);

export const loweringDtype = (): Option =>
  choice("--dtype <name>", "storage type (default: f32): f16 on both, bf16 on CUDA", storageTypes);

export const loweringChoice = ({ target, dtype, batch, sites }: LoweringOptions): LoweringChoice => ({
  target: target ?? null,
  dtype: dtype ?? null,
  batch: batch ?? null,
  sites,
});
