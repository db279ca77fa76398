import type { StorageType } from "../model/model.ts";
import type { Device, Rates } from "./device.ts";
import { possible } from "./possible.ts";
import { predict } from "./predict.ts";
import { agreementOf, type Pair } from "./report/statistics.ts";
import type { Profile } from "./stage-cache.ts";

/** A pass that was timed on the device. */
export interface Sample {
  readonly profile: Profile;
  readonly dtype: StorageType;
  readonly batch: number;
  readonly seconds: number;
}

/** A number of the device that is fitted, with how to put another in its place. */
interface Knob {
  readonly get: (device: Device) => number;
  readonly set: (device: Device, value: number) => Device;
  /** Values that a device can have. */
  readonly range: { readonly from: number; readonly to: number };
}

const rateKnobs = (dtype: StorageType): readonly Knob[] =>
  (["product", "depthwise", "values"] as const).map(name => ({
    get: ({ rates }) => (rates[dtype] as Rates)[name],
    set: (device, value) => ({
      ...device,
      rates: { ...device.rates, [dtype]: { ...(device.rates[dtype] as Rates), [name]: value } },
    }),
    range: possible[name],
  }));

const commonKnobs: readonly Knob[] = (["bandwidth", "launch"] as const).map(name => ({
  get: device => device[name],
  set: (device, value) => ({ ...device, [name]: value }),
  range: possible[name],
}));

/**
 * The device whose predictions are nearest to what was measured: rates, bandwidth and launch that make the mean square of
 * log(predicted / measured) least, so that each sample counts the same however long it takes. A search along one number
 * at a time by ever smaller factors, which gives the same on every machine. Numbers that no sample depends on stay, and none
 * leaves what devices can have.
 */
export function fitDevice(start: Device, samples: readonly Sample[]): Device {
  const dtypes = [...new Set(samples.map(({ dtype }) => dtype))];
  const knobs = [...commonKnobs, ...dtypes.flatMap(rateKnobs)];
  let device = start;
  let least = misfit(device, samples);
  for (let factor = 2; factor > 1.002; factor = Math.sqrt(factor)) {
    for (let moved = true, rounds = 0; moved && rounds < 60; rounds++) {
      moved = false;
      for (const { get, set, range } of knobs)
        for (const by of [factor, 1 / factor]) {
          const value = get(device) * by;
          if (value < range.from || value > range.to) continue;
          const other = set(device, value);
          const off = misfit(other, samples);
          if (off >= least * (1 - 1e-6)) continue;
          [device, least, moved] = [other, off, true];
        }
    }
  }
  return device;
}

const misfit = (device: Device, samples: readonly Sample[]): number =>
  samples.reduce((sum, { profile, dtype, batch, seconds }) => {
    const predicted = predict(profile, device, device.rates[dtype] as Rates, batch).seconds;
    return sum + Math.log(predicted / seconds) ** 2;
  }, 0) / samples.length;

/** How far predictions are from measurements. */
export interface Agreement {
  /** Spearman's, 1 where both order the samples alike. */
  readonly rankCorrelation: number;
  /** Of |predicted / measured - 1|. */
  readonly medianError: number;
  readonly worstError: number;
}

export function agreement(pairs: readonly Pair[]): Agreement {
  const { rank, medianError } = agreementOf(pairs);
  const errors = pairs.map(({ predicted, measured }) => Math.abs(predicted / measured - 1));
  return { rankCorrelation: rank ?? Number.NaN, medianError, worstError: Math.max(0, ...errors) };
}
