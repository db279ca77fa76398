import { describe, expect, test } from "vitest";
import { columnsOf } from "../../src/explore/columns.ts";
import { holds, readBudget, readDirection } from "../../src/explore/conditions.ts";
import { costsOf, frontOf, hypervolume } from "../../src/explore/front.ts";
import { launchesOf } from "../../src/explore/lowering.ts";
import { pointAt } from "../../src/explore/points.ts";
import { type Prepared, prepare, type Question } from "../../src/explore/prepare.ts";
import type { Variant } from "../../src/explore/result.ts";
import { search } from "../../src/explore/search.ts";
import { openDevice } from "../../src/node/inputs/devices.ts";
import { loadProgram } from "../../src/node/inputs/program.ts";
import { newFolder } from "../support/folders.ts";
import { full } from "../support/full.ts";
import { written } from "./support.ts";

const question: Question = {
  sweep: null,
  devices: ["m3-max"],
  dtypes: [],
  batches: [1],
  where: [],
  sort: [],
  top: null,
  front: ["macs:max", "latency"],
  budget: null,
  seed: 1,
  evaluations: 500,
  shard: null,
};

function prepared(sweep: string, more: Partial<Question> = {}): Prepared {
  const spec = written(
    newFolder(),
    `model base { depths [2, 2, 6, 2]  dims [40, 80, 160, 320] }\nsweep s extends base {\n${sweep}\n}\n`,
  );
  const loaded = loadProgram(spec, null, null);
  if (!loaded.ok) throw new Error(loaded.diagnostics[0]?.message);
  const found = prepare({ ...question, ...more }, loaded.value, openDevice);
  if (!found.ok) throw new Error(found.diagnostics[0]?.message);
  return found.value;
}

const goals = (of: Prepared) => {
  const columns = columnsOf(of.subjects.map(({ setting }) => setting));
  return ["macs:max", "latency"].map(text => {
    const read = readDirection(text, "--front", columns);
    if (!read.ok) throw new Error(text);
    return read.value;
  });
};

test("the front under two constraints is that of every point compiled on its own", () => {
  const axes = "dims[0] in [16, 24, 40]\n depths[0] in 1..2\n depths[2] in 2..5\n dims[3] in [160, 320, 400]";
  const where = ["params<=2.5M", "latency<0.26ms"];
  const run = prepared(axes, { where });
  const variants = [...run.visits()].flatMap(variant => variant ?? []);
  expect(variants).toHaveLength(72);
  const found = run.finish(72, variants, true);
  // By hand: launches of the whole compilation, and every point against every other.
  const form = { tuning: "gpu", dtype: "f32", batch: 1 } as const;
  const points = variants.flatMap(({ index, params, estimates }) => {
    const launches = launchesOf(
      (pointAt(run.sweep, index) as { readonly model: Parameters<typeof launchesOf>[0] }).model,
      form,
    );
    if (!launches.ok) throw new Error("it does not compile");
    const macs = launches.value.reduce((sum, { cost }) => sum + cost.macs, 0);
    const ms = estimates[0]?.milliseconds ?? 0;
    return params <= 2.5e6 && ms < 0.26 ? [{ index, macs, ms }] : [];
  });
  const best = points.filter(
    b => !points.some(a => a.macs >= b.macs && a.ms <= b.ms && (a.macs > b.macs || a.ms < b.ms)),
  );
  expect(best.length).toBeGreaterThan(2);
  expect(best.length).toBeLessThan(points.length);
  expect(points.length).toBeLessThan(variants.length);
  expect(new Set(found.front)).toEqual(new Set(best.map(({ index }) => index)));
});

describe("a search of 500 points", () => {
  const wide =
    "dims[0] in [32, 40, 48, 56, 64, 72, 80, 88, 96, 104]\n depths[0] in 1..5\n depths[1] in 1..5\n depths[2] in 2..9\n depths[3] in 1..5";
  const widths =
    "dims[0] in 16..88 step 8\n dims[1] in 32..176 step 16\n dims[2] in 96..384 step 32\n dims[3] in 192..768 step 64";

  const cases = [
    ["depths", wide, "params=5M,latency=0.5ms"],
    ["widths", widths, "params=3M,latency=0.5ms"],
    ["widths", widths, "params=5M,latency=0.6ms"],
    ["depths", wide, "params=8M,scratch=3MiB"],
  ] as const;

  test.each(full ? cases : cases.slice(0, 1))(
    "finds 98 %% of what 10,000 %s are worth under %s%s",
    (_, axes, budget) => {
      const run = prepared(axes);
      const all = [...run.visits()];
      expect(all).toHaveLength(10_000);
      const columns = columnsOf(run.subjects.map(({ setting }) => setting));
      const limits = readBudget(budget, columns);
      if (!limits.ok) throw new Error(budget);
      const within = (variant: Variant | null): variant is Variant =>
        variant !== null && limits.value.every(limit => holds(limit, variant));
      const whole = all.filter(within);
      const corner = [0, 1].map(i => Math.max(...whole.map(variant => costsOf(goals(run), variant)[i] as number)));
      const worth = (variants: readonly Variant[]): number =>
        hypervolume(
          frontOf(goals(run), variants).map(variant => costsOf(goals(run), variant)),
          corner as [number, number],
        );
      for (let seed = 1; seed <= (full ? 8 : 3); seed++) {
        const looked: number[] = [];
        const visit = (index: number): Variant | null => {
          looked.push(index);
          return all[index] ?? null;
        };
        const found = [
          ...search(run.sweep, visit, { seed, evaluations: 500, budget: limits.value, goals: goals(run) }),
        ];
        expect(new Set(looked).size).toBe(looked.length);
        expect(looked.length).toBeLessThanOrEqual(500);
        expect(worth(found.filter(within)) / worth(whole), `seed ${seed}`).toBeGreaterThanOrEqual(0.98);
      }
    },
  );
});
