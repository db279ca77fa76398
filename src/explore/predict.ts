import type { Device, Rates } from "./device.ts";
import type { KernelCost } from "./profile.ts";
import type { Profile } from "./stage-cache.ts";

/** What a kernel's time goes to. */
export const bounds = ["products", "depthwise", "values", "memory", "launches"] as const;
export type Bound = (typeof bounds)[number];

/** Seconds of a kernel by what they go to. What overlaps stands beside each other, and `seconds` is what is left. */
export type KernelTime = { readonly [bound in Bound]: number } & { readonly seconds: number };

/** Kernels whose multiply-adds are matrix products; every other sum is made as depthwise convolutions are. */
const products: ReadonlySet<KernelCost["kind"]> = new Set(["gemm", "gemv", "downsample", "stem", "weightGrad"]);

/**
 * Seconds of one kernel over a batch. Arithmetic takes as long as its fullest unit: the last of the workgroups runs with
 * the others idle. The kernels before and after do not overlap with it.
 */
export function timeOf(cost: KernelCost, device: Device, rates: Rates, batch: number): KernelTime {
  const waves = (cost.workgroups * batch) / device.units;
  const idle = waves > 0 ? Math.ceil(waves) / waves : 1;
  const macs = cost.macs * batch * idle;
  const isProduct = products.has(cost.kind);
  const parts = {
    products: isProduct ? macs / rates.product : 0,
    depthwise: isProduct ? 0 : macs / rates.depthwise,
    values: (cost.values * batch * idle) / rates.values,
    memory: (cost.fixed + cost.each * batch) / device.bandwidth,
  };
  const { products: product, depthwise, values, memory } = parts;
  const work = device.overlaps ? Math.max(product, depthwise, values, memory) : product + depthwise + values + memory;
  return { ...parts, launches: device.launch, seconds: device.launch + work };
}

export interface Prediction {
  /** Seconds of a pass over the batch. */
  readonly seconds: number;
  /** What most of it goes to. */
  readonly bound: Bound;
}

/** Seconds of a whole pass: its kernels, one after the other. */
export function predict(profile: Pick<Profile, "kernels">, device: Device, rates: Rates, batch: number): Prediction {
  const spent = { products: 0, depthwise: 0, values: 0, memory: 0, launches: 0 };
  let seconds = 0;
  for (const { cost, count } of profile.kernels) {
    const time = timeOf(cost, device, rates, batch);
    seconds += count * time.seconds;
    const work = bounds.slice(0, -1) as readonly Exclude<Bound, "launches">[];
    const most = work.reduce((a, b) => (time[b] > time[a] ? b : a));
    if (device.overlaps) spent[most] += count * time[most];
    else for (const bound of work) spent[bound] += count * time[bound];
    spent.launches += count * device.launch;
  }
  return { seconds, bound: bounds.reduce((a, b) => (spent[b] > spent[a] ? b : a)) };
}
