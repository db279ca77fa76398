import { type Model, type Sweep, stageSites } from "../model/model.ts";
import type { Device, Rates } from "./device.ts";
import { type KernelConfig, keepsApart, launchesOf } from "./lowering.ts";
import { meets, pointAt } from "./points.ts";
import { predict, timeOf } from "./predict.ts";
import type { Detail, Estimate, Setting, StageShape, Variant } from "./result.ts";
import { type Profile, StageCache } from "./stage-cache.ts";

/** A setting with the device that it is about. */
export interface Subject {
  readonly setting: Setting;
  readonly device: Device;
}

/** Looks at points of a sweep; what stages have in common is compiled once. */
export class Explorer {
  readonly #sweep: Sweep;
  readonly #subjects: readonly (Subject & { readonly parts: StageCache; readonly rates: Rates })[];
  /** Why points could not be planned, each reason once. */
  readonly refused = new Map<string, number>();

  constructor(sweep: Sweep, subjects: readonly Subject[]) {
    this.#sweep = sweep;
    const shared = new Map<string, StageCache>();
    this.#subjects = subjects.map(subject => {
      const { device, setting } = subject;
      const config: KernelConfig = { tuning: device.tuning, dtype: setting.dtype, batch: setting.batch };
      const key = JSON.stringify(config);
      const parts =
        shared.get(key) ?? new StageCache(model => launchesOf(model, config), { apart: keepsApart(config) });
      shared.set(key, parts);
      return { ...subject, parts, rates: device.rates[setting.dtype] as Rates };
    });
  }

  /** A variant's figures; null where its values do not fit together, a requirement forbids it, or no kernel can run it. */
  variant(index: number): Variant | null {
    const profiles = this.#profiles(index);
    if (profiles === null) return null;
    const { point, each } = profiles;
    const first = each[0] as Profile;
    const total = (of: "macs" | "activations"): number =>
      first.kernels.reduce((sum, { cost, count }) => sum + count * cost[of], 0);
    const macs = total("macs");
    if (!meets(this.#sweep, "macs", macs)) return null;
    return {
      index,
      values: this.#sweep.axes.map(({ values }, i) => values[point.choice[i] ?? 0] as number | string | boolean),
      stages: stagesOf(point.model),
      params: point.params,
      macs,
      activations: total("activations"),
      estimates: this.#subjects.map(({ setting, device, rates }, i) =>
        estimate(each[i] as Profile, setting, device, rates),
      ),
    };
  }

  /** What a report shows besides: the kernels of the first setting. */
  detail(index: number): Detail | null {
    const profiles = this.#profiles(index);
    const [subject] = this.#subjects;
    if (profiles === null || subject === undefined) return null;
    const profile = profiles.each[0] as Profile;
    const { device, rates, setting } = subject;
    const times = profile.kernels.map(({ cost, count }) => {
      const { seconds } = timeOf(cost, device, rates, setting.batch);
      const one = { kernels: [{ cost, count }], weightBytes: 0, scratchBytes: 0, timeline: [] };
      return { seconds: seconds * count, bound: predict(one, device, rates, setting.batch).bound };
    });
    return { index, profile, times };
  }

  #profiles(index: number) {
    const point = pointAt(this.#sweep, index);
    if (point === null) return null;
    const each: Profile[] = [];
    for (const { parts } of this.#subjects) {
      const profile = parts.profile(point.model);
      if (!profile.ok) {
        const why = profile.diagnostics[0]?.message ?? "";
        this.refused.set(why, (this.refused.get(why) ?? 0) + 1);
        return null;
      }
      each.push(profile.value);
    }
    return { point, each };
  }
}

const stagesOf = (model: Model): readonly StageShape[] =>
  model.stages.map(({ depth, dim, kernel }, i) => ({ depth, dim, kernel, ...stageSites(model, i) }));

function estimate(profile: Profile, { batch }: Setting, device: Device, rates: Rates): Estimate {
  const { seconds, bound } = predict(profile, device, rates, batch);
  let kernels = 0;
  let bytesMoved = 0;
  for (const { cost, count } of profile.kernels) {
    kernels += count;
    bytesMoved += count * (cost.fixed + cost.each * batch);
  }
  const { weightBytes, scratchBytes } = profile;
  // Six digits are more than any model of a device knows, and keep the text of a row short.
  const milliseconds = Number((seconds * 1e3).toPrecision(6));
  return { kernels, weightBytes, scratchBytes, bytesMoved, milliseconds, bound, measured: null };
}
