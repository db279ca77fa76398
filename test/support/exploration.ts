import { readFileSync } from "node:fs";
import type { Device } from "../../src/explore/device.ts";
import { keepsApart, launchesOf } from "../../src/explore/lowering.ts";
import { choiceAt, productOf } from "../../src/explore/points.ts";
import { predict, timeOf } from "../../src/explore/predict.ts";
import type { Detail, Estimate, Exploration, Setting, Variant } from "../../src/explore/result.ts";
import { type Profile, StageCache } from "../../src/explore/stage-cache.ts";
import { choices } from "../../src/model/choices.ts";
import { countParameters } from "../../src/model/count.ts";
import type { Model, Sweep } from "../../src/model/model.ts";
import { modelAt } from "../../src/model/sweeps.ts";
import { checkFiles, must } from "../syntax/support.ts";

const rates = { product: 8e12, depthwise: 1.5e12, values: 2e11 };

export const device: Device = {
  name: "a-gpu",
  title: "A GPU",
  tuning: "gpu",
  rates: { f32: rates, f16: { ...rates, product: 16e12 } },
  bandwidth: 4e11,
  launch: 3e-6,
  units: 64,
  overlaps: true,
  sources: {},
};

const settings: readonly Setting[] = [
  { label: "a-gpu/f32", device: "a-gpu", title: "A GPU", dtype: "f32", batch: 4 },
  { label: "a-gpu/f16", device: "a-gpu", title: "A GPU", dtype: "f16", batch: 4 },
];

const axes = `  depths[2] in 2..12 step 2
  depths[3] in 1..4
  dims[0] in [24, 32, 40, 48, 56, 64, 72, 80]
  kernel_size in [3, 5, 7]
  depths[1] in 1..4`;

export interface Explored {
  readonly exploration: Exploration;
  readonly details: readonly Detail[];
  readonly devices: readonly Device[];
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** A real exploration of so many points, spread over a sweep around atto, with times made up as measured of every fiftieth. */
export function explored(points: number): Explored {
  const text = `import "convnextv2.cnx"\nsweep around extends atto {\n${axes}\n}\n`;
  const files = new Map([
    ["convnextv2.cnx", readFileSync("specs/convnextv2.cnx")],
    ["input.cnx", Buffer.from(text)],
  ]);
  const [sweep] = must(checkFiles(files, "input.cnx")).sweeps as [Sweep];
  const parts = settings.map(({ dtype, batch }) => {
    const form = { tuning: device.tuning, dtype, batch };
    return new StageCache(model => launchesOf(model, form), { apart: keepsApart(form) });
  });
  const { int } = choices(7);
  const all = productOf(sweep);
  const found = Array.from({ length: points }, (_, i) => {
    const index = Math.floor((i * all) / points);
    const choice = choiceAt(sweep, index);
    const model = must(modelAt(sweep, choice));
    const profiles = parts.map(part => must(part.profile(model)));
    const measured = i % 50 === 0 ? int(85, 125) / 100 : null;
    return { variant: variantOf(sweep, index, choice, model, profiles, measured), detail: detailOf(index, profiles) };
  });
  const variants = found.map(({ variant }) => variant);
  const query: Exploration["query"] = {
    spec: "0123456789abcdef".repeat(4),
    sweep: "around",
    axes: sweep.axes.map(({ path, values }) => ({ path, values })),
    settings,
    where: [],
    sort: [],
    top: null,
    front: ["macs:max", "latency@a-gpu/f32"],
  };
  const exploration: Exploration = {
    format: "cnxc-exploration-1",
    query,
    points: all,
    visited: points,
    complete: true,
    shard: null,
    search: null,
    variants,
    front: frontOf(variants),
  };
  return { exploration, details: found.map(({ detail }) => detail), devices: [device] };
}

function variantOf(
  { axes }: Sweep,
  index: number,
  choice: readonly number[],
  model: Model,
  profiles: readonly Profile[],
  measured: number | null,
): Variant {
  const total = (of: "macs" | "activations"): number =>
    sum((profiles[0] as Profile).kernels.map(({ cost, count }) => count * cost[of]));
  return {
    index,
    values: axes.map(({ values }, i) => values[choice[i] ?? 0] as number | string | boolean),
    stages: model.stages.map(({ depth, dim, kernel }, i) => {
      const side = (pixels: number): number => pixels / model.stem.patch / 2 ** i;
      return { depth, dim, kernel, height: side(model.input.height), width: side(model.input.width) };
    }),
    params: countParameters(model),
    macs: total("macs"),
    activations: total("activations"),
    estimates: profiles.map((profile, i) => estimateOf(profile, settings[i] as Setting, i === 0 ? measured : null)),
  };
}

function estimateOf(profile: Profile, { dtype, batch }: Setting, measured: number | null): Estimate {
  const { seconds, bound } = predict(profile, device, device.rates[dtype] ?? rates, batch);
  const milliseconds = Number((seconds * 1e3).toPrecision(6));
  return {
    kernels: sum(profile.kernels.map(({ count }) => count)),
    weightBytes: profile.weightBytes,
    scratchBytes: profile.scratchBytes,
    bytesMoved: sum(profile.kernels.map(({ cost, count }) => count * (cost.fixed + cost.each * batch))),
    milliseconds,
    bound,
    measured: measured === null ? null : milliseconds * measured,
  };
}

function detailOf(index: number, [profile]: readonly Profile[]): Detail {
  const { kernels } = profile as Profile;
  const batch = settings[0]?.batch ?? 1;
  const times = kernels.map(({ cost, count }) => ({
    seconds: count * timeOf(cost, device, rates, batch).seconds,
    bound: predict({ ...(profile as Profile), kernels: [{ cost, count }] }, device, rates, batch).bound,
  }));
  return { index, profile: profile as Profile, times };
}

/** Most multiply-adds in the least time. */
function frontOf(variants: readonly Variant[]): readonly number[] {
  const time = ({ estimates }: Variant): number => estimates[0]?.milliseconds ?? 0;
  const ordered = variants.toSorted((a, b) => time(a) - time(b) || b.macs - a.macs);
  let most = 0;
  return ordered.flatMap(({ index, macs }) => {
    if (macs <= most) return [];
    most = macs;
    return [index];
  });
}
