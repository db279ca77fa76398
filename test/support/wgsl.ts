import { lower, type Unit } from "../../src/compile.ts";
import { inMemoryContext } from "../../src/emit/target.ts";
import { describe } from "../../src/emit/wgsl/descriptor.ts";
import { wgslPasses } from "../../src/emit/wgsl/wgsl.ts";
import type { Model } from "../../src/model/model.ts";
import type { SiteLayout } from "../../src/passes/site-layout.ts";
import type { Plan } from "../../src/plan/plan.ts";
import type { ProfileName } from "../../src/plan/tuning-profiles.ts";
import type { ModelDescriptor } from "../../src/runtime/descriptor.ts";

export interface Wgsl {
  readonly model: Model;
  readonly tuning?: ProfileName;
  /** One number is exactly so many images. */
  readonly batch?: number | { readonly min: number; readonly max: number };
  readonly taps?: readonly string[];
  readonly sites?: SiteLayout;
  /** Maps and matrices in 16 bits. */
  readonly half?: boolean;
}

/** A model as the WGSL target plans it. */
export function plannedWgsl({
  model,
  tuning = "swiftshader",
  batch = 1,
  taps = [],
  sites,
  half = false,
}: Wgsl): Unit & { plan: Plan } {
  const target = { name: "wgsl", takes: "plan", ...wgslPasses, tuning, half, emit: () => [] } as const;
  const images = typeof batch === "number" ? { min: batch, max: batch } : batch;
  const unit = lower({ model, target, batch: images, taps, sites, context: inMemoryContext });
  if (!unit.ok) throw new Error(unit.diagnostics.map(diagnostic => diagnostic.message).join("; "));
  const { plan } = unit.value;
  if (plan === null) throw new Error("a kernel target made no plan");
  return { ...unit.value, plan };
}

/** A model as the runtime takes it. */
export const compiledWgsl = (given: Wgsl): ModelDescriptor => describe(plannedWgsl(given).plan);
