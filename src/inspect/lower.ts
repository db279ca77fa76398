import { lower, type Observer, type Unit } from "../compile.ts";
import { ok, type Result } from "../diagnostics/diagnostic.ts";
import { invariant } from "../diagnostics/invariant.ts";
import { cudaTarget } from "../emit/cuda/cuda.ts";
import type { KernelTarget } from "../emit/target.ts";
import { wgslPasses } from "../emit/wgsl/wgsl.ts";
import type { StorageType } from "../model/model.ts";
import type { Plan } from "../plan/plan.ts";
import type { KernelTargetName, Subject } from "./subject.ts";

/** As the compiler makes them by default, but no files are made of the plan. */
const targets: { readonly [K in KernelTargetName]: (dtype: StorageType) => KernelTarget } = {
  wgsl: dtype => ({ name: "wgsl", takes: "plan", ...wgslPasses, tuning: "gpu", half: dtype === "f16", emit: () => [] }),
  cuda: dtype => ({ ...cudaTarget(dtype), emit: () => [] }),
};

/** The graph after all passes, and the plan. Fails as compiling does, where a limit of the target is passed. */
export function lowerSubject(
  { model, target, dtype, batch, sites }: Subject,
  observer: Observer = {},
): Result<Pick<Unit, "graph"> & { readonly plan: Plan }> {
  const context = {
    weights: null,
    specHash: "",
    specName: "",
    version: "",
    onnx: { opset: 20, layout: "plain" },
  } as const;
  const unit = lower({ model, target: targets[target](dtype), batch, taps: [], sites, context }, observer);
  if (!unit.ok) return unit;
  const { graph, plan } = unit.value;
  invariant(plan, "a target of kernels has a plan");
  return ok({ graph, plan }, unit.diagnostics);
}
