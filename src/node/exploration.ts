import { createHash } from "node:crypto";
import { type Diagnostic, fail, ok, type Result } from "../diagnostics/diagnostic.ts";
import { error } from "../diagnostics/messages.ts";
import { nearestOf } from "../diagnostics/nearest.ts";
import { columnsOf } from "../explore/columns.ts";
import { type Condition, readBudget } from "../explore/conditions.ts";
import { type Device, usualType } from "../explore/device.ts";
import { Explorer, type Subject } from "../explore/explorer.ts";
import { type Found, finish, type Reading, readQuery } from "../explore/finish.ts";
import { productOf } from "../explore/points.ts";
import type { Exploration, Query, Variant } from "../explore/result.ts";
import { search } from "../explore/search.ts";
import type { StorageType, Sweep } from "../model/model.ts";
import { countPoints } from "../model/sweeps.ts";
import { openDevice } from "./devices.ts";
import { loadProgram } from "./program.ts";

export interface ExploreJob {
  /** Null only where shards are merged. */
  readonly spec: string | null;
  readonly stdin: Uint8Array | null;
  readonly root: string | null;
  readonly sweep: string | null;
  readonly devices: readonly string[];
  /** Empty for each device's own first. */
  readonly dtypes: readonly StorageType[];
  readonly batches: readonly number[];
  readonly where: readonly string[];
  readonly sort: readonly string[];
  readonly top: number | null;
  readonly front: readonly string[];
  /** Limits of a search; null visits the whole product. */
  readonly budget: string | null;
  readonly seed: number;
  readonly evaluations: number;
  readonly shard: { readonly index: number; readonly of: number } | null;
}

/** A job that is ready to visit points: everything that can be wrong with it has been looked at. */
export interface Prepared {
  readonly sweep: Sweep;
  readonly subjects: readonly Subject[];
  readonly explorer: Explorer;
  readonly query: Query;
  /** Points that will be visited at most. */
  readonly count: number;
  readonly diagnostics: readonly Diagnostic[];
  /** One visit after the other. */
  readonly visits: () => Iterable<Variant | null>;
  /** The exploration as far as it has come. */
  readonly finish: (visited: number, variants: readonly Variant[], complete: boolean) => Exploration;
}

export function prepare(job: ExploreJob): Result<Prepared> {
  if (job.spec === null) return fail(error("usage", null, "give a spec that declares a sweep"));
  if (job.budget !== null && job.shard !== null)
    return fail(error("usage", null, "a search is one run: leave --shard out, or --budget"));
  const loaded = loadProgram(job.spec, job.root, job.stdin);
  if (!loaded.ok) return loaded;
  const { program, files, source } = loaded.value;
  const sweep = sweepNamed(program.sweeps, job.sweep, source.name);
  if (!sweep.ok) return sweep;
  const subjects = subjectsOf(job);
  if (!subjects.ok) return subjects;
  const settings = subjects.value.map(({ setting }) => setting);
  const { where, sort, top } = job;
  const spec = createHash("sha256");
  for (const file of files) spec.update(`${file.source.text.length}\n${file.source.text}`);
  const query: Query = {
    spec: spec.digest("hex"),
    sweep: sweep.value.name,
    axes: sweep.value.axes.map(({ path, values }) => ({ path, values })),
    settings,
    where,
    sort,
    top,
    front: job.front,
  };
  const reading = readQuery(query);
  if (!reading.ok) return reading;
  const budget = job.budget === null ? ok([]) : readBudget(job.budget, columnsOf(settings));
  if (!budget.ok) return budget;
  const points = productOf(sweep.value);
  const small = job.budget === null ? countPoints(sweep.value) : ok(points);
  if (!small.ok) return small;
  const explorer = new Explorer(sweep.value, subjects.value);
  const { shard } = job;
  const count =
    job.budget !== null ? Math.min(points, job.evaluations) : shard === null ? points : sizeOf(points, shard);
  const found = (visited: number, complete: boolean): Found => ({
    query,
    points,
    visited,
    complete,
    shard,
    search: job.budget === null ? null : { seed: job.seed, budget: job.budget.split(",") },
  });
  const all: Reading = { ...reading.value, where: [...reading.value.where, ...budget.value] };
  return ok(
    {
      sweep: sweep.value,
      subjects: subjects.value,
      explorer,
      query,
      count,
      diagnostics: loaded.diagnostics,
      visits: () => visits(job, sweep.value, explorer, points, { budget: budget.value, goals: reading.value.front }),
      finish: (visited, variants, complete) => finish(found(visited, complete), variants, all),
    },
    loaded.diagnostics,
  );
}

const sizeOf = (points: number, { index, of }: { readonly index: number; readonly of: number }): number =>
  Math.ceil((points - index + 1) / of);

function* visits(
  { budget, seed, evaluations, shard }: ExploreJob,
  sweep: Sweep,
  explorer: Explorer,
  points: number,
  wanted: { readonly budget: readonly Condition[]; readonly goals: Reading["front"] },
): Generator<Variant | null> {
  if (budget !== null && points > evaluations) {
    yield* search(sweep, index => explorer.variant(index), { seed, evaluations, ...wanted });
    return;
  }
  // Parts take every n-th point, so that each has its share of the large ones.
  const { index: from, of: step } = shard ?? { index: 1, of: 1 };
  for (let index = from - 1; index < points; index += step) yield explorer.variant(index);
}

function sweepNamed(sweeps: readonly Sweep[], name: string | null, spec: string): Result<Sweep> {
  const names = sweeps.map(sweep => sweep.name);
  const [only] = sweeps;
  if (only === undefined) return fail(error("no-sweep", null, spec));
  if (name === null)
    return sweeps.length === 1 ? ok(only) : fail(error("sweep-needed", null, spec, names.slice(0, 12).join(", ")));
  const found = sweeps.find(sweep => sweep.name === name);
  return found
    ? ok(found)
    : fail(error("unknown-sweep", null, name, names.slice(0, 12).join(", "), nearestOf(names)(name)));
}

/** Every device with every storage type and batch. */
export function subjectsOf({
  devices,
  dtypes,
  batches,
}: Pick<ExploreJob, "devices" | "dtypes" | "batches">): Result<readonly Subject[]> {
  const subjects: Subject[] = [];
  for (const name of devices) {
    const device = openDevice(name);
    if (!device.ok) return device;
    for (const dtype of dtypes.length === 0 ? [usualType(device.value)] : dtypes) {
      const known = Object.keys(device.value.rates).join(", ");
      if (device.value.rates[dtype] === undefined)
        return fail(error("device-dtype", null, device.value.name, dtype, known));
      for (const batch of batches) subjects.push(subjectOf(device.value, dtype, batch, { dtypes, batches }));
    }
  }
  return ok(subjects);
}

function subjectOf(
  device: Device,
  dtype: StorageType,
  batch: number,
  { dtypes, batches }: Pick<ExploreJob, "dtypes" | "batches">,
): Subject {
  const { name, title } = device;
  const label = `${name}${dtypes.length > 1 ? `/${dtype}` : ""}${batches.length > 1 ? `/b${batch}` : ""}`;
  return { device, setting: { label, device: name, title, dtype, batch } };
}
