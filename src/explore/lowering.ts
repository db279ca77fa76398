import { plan } from "../compile.ts";
import { ok, type Result } from "../diagnostics/diagnostic.ts";
import { kernelTarget } from "../emit/kernel-targets.ts";
import type { Model, StorageType } from "../model/model.ts";
import type { ProfileName } from "../plan/tiles/tuning-profiles.ts";
import { type Launch, profileOf } from "./profile.ts";

/** For what kernels are planned: everything about a device that changes them. */
export interface KernelConfig {
  readonly tuning: ProfileName;
  readonly dtype: StorageType;
  readonly batch: number;
}

/** A model's kernels and what they cost, in order. */
export function launchesOf(model: Model, config: KernelConfig): Result<readonly Launch[]> {
  const { tuning, dtype, batch } = config;
  const planned = plan({ model, target: kernelTarget(tuning, dtype), batch: { min: batch, max: batch } });
  return planned.ok ? ok(profileOf(planned.value.plan)) : planned;
}

/** WebGPU may not read and write one buffer in one dispatch, so values that meet lie in buffers of their own. */
export const keepsApart = ({ tuning }: KernelConfig): boolean => tuning !== "cuda";
