import { type Planned, plan } from "../../src/compile.ts";
import { describe } from "../../src/emit/wgsl/descriptor.ts";
import { wgslTarget } from "../../src/emit/wgsl/target.ts";
import type { Model } from "../../src/model/model.ts";
import type { SiteLayout } from "../../src/passes/site-layout.ts";
import { tuningProfiles, type WebgpuProfileName } from "../../src/plan/tiles/tuning-profiles.ts";
import type { ModelDescriptor } from "../../src/runtime/descriptor.ts";
import { must } from "../syntax/support.ts";

export interface Wgsl {
  readonly model: Model;
  readonly tuning?: WebgpuProfileName;
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
}: Wgsl): Planned {
  const images = typeof batch === "number" ? { min: batch, max: batch } : batch;
  return must(plan({ model, target: wgslTarget(tuning, half), batch: images, taps, sites }));
}

/** A model as the runtime takes it. */
export const compiledWgsl = (given: Wgsl): ModelDescriptor =>
  describe(plannedWgsl(given).plan, tuningProfiles[given.tuning ?? "swiftshader"].sharesKernels);
