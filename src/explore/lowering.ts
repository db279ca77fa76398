import { lower } from "../compile.ts";
import { ok, type Result } from "../diagnostics/diagnostic.ts";
import { invariant } from "../diagnostics/invariant.ts";
import { cudaTarget } from "../emit/cuda/cuda.ts";
import { cudaProgram } from "../emit/cuda/program.ts";
import type { KernelTarget } from "../emit/target.ts";
import { wgslPasses } from "../emit/wgsl/wgsl.ts";
import type { Batch, Model, StorageType } from "../model/model.ts";
import type { Plan } from "../plan/plan.ts";
import type { TuningName } from "../plan/tunings.ts";
import { cudaProfileOf, type Launch, profileOf } from "./profile.ts";

/** For what kernels are planned: everything about a device that changes them. */
export interface Form {
  readonly tuning: TuningName;
  readonly dtype: StorageType;
  readonly batch: number;
}

/** A model's plan, without its code. */
export function planOf(model: Model, { tuning, dtype, batch }: Form): Result<Plan> {
  const images: Batch = { min: batch, max: batch };
  const target: KernelTarget =
    tuning === "cuda"
      ? { ...cudaTarget(dtype), emit: () => [] }
      : { name: "wgsl", takes: "plan", ...wgslPasses, tuning, half: dtype === "f16", emit: () => [] };
  const context = {
    weights: null,
    specHash: "",
    specName: "",
    version: "",
    onnx: { opset: 20, layout: "plain" },
  } as const;
  const unit = lower({ model, target, batch: images, taps: [], context });
  if (!unit.ok) return unit;
  invariant(unit.value.plan, "a kernel target makes a plan");
  return ok(unit.value.plan);
}

/** A model's kernels and what they cost, in order. */
export function launchesOf(model: Model, form: Form): Result<readonly Launch[]> {
  const plan = planOf(model, form);
  if (!plan.ok) return plan;
  return ok(form.tuning === "cuda" ? cudaProfileOf(cudaProgram(plan.value, form.dtype)) : profileOf(plan.value));
}

/** WebGPU may not read and write one buffer in one dispatch, so values that meet lie in buffers of their own. */
export const keepsApart = ({ tuning }: Form): boolean => tuning !== "cuda";
