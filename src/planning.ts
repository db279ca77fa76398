import { lower, type Observer } from "./compile.ts";
import { ok, type Result } from "./diagnostics/diagnostic.ts";
import { invariant } from "./diagnostics/invariant.ts";
import { cudaTarget } from "./emit/cuda/cuda.ts";
import { inMemoryContext, type KernelTarget } from "./emit/target.ts";
import { wgslPasses } from "./emit/wgsl/wgsl.ts";
import type { Graph } from "./graph/graph.ts";
import type { Batch, Model, StorageType } from "./model/model.ts";
import type { SiteLayout } from "./passes/site-layout.ts";
import type { Plan } from "./plan/plan.ts";
import type { ProfileName } from "./plan/tuning-profiles.ts";

/** A model whose plan is all that is wanted: to look at it, to price it, or to run it in memory. */
export interface Planning {
  readonly model: Model;
  /** `cuda`, or the WGSL tiles of an adapter. */
  readonly tuning: ProfileName;
  readonly dtype: StorageType;
  readonly batch: Batch;
  readonly taps?: readonly string[];
  readonly sites?: SiteLayout;
}

/** The graph after all passes and the plan, as the compiler makes them; fails as compiling does. No files are made. */
export function planAlone(
  { model, tuning, dtype, batch, taps = [], sites }: Planning,
  observer: Observer = {},
): Result<{ readonly graph: Graph; readonly plan: Plan }> {
  const target: KernelTarget =
    tuning === "cuda"
      ? { ...cudaTarget(dtype), emit: () => [] }
      : { name: "wgsl", takes: "plan", ...wgslPasses, tuning, half: dtype === "f16", emit: () => [] };
  const unit = lower({ model, target, batch, taps, sites, context: inMemoryContext }, observer);
  if (!unit.ok) return unit;
  const { graph, plan } = unit.value;
  invariant(plan, "a target of kernels has a plan");
  return ok({ graph, plan }, unit.diagnostics);
}
