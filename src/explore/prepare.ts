import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { fail, ok, type Result } from "../diagnostics/diagnostic.ts";
import { error } from "../diagnostics/messages.ts";
import { nearestOf } from "../diagnostics/nearest.ts";
import type { Program, StorageType, Sweep } from "../model/model.ts";
import { countPoints } from "../model/sweeps.ts";
import type { Ast } from "../syntax/ast.ts";
import { columnsOf } from "./columns.ts";
import { type Condition, readBudget } from "./conditions.ts";
import { type Device, defaultType } from "./device.ts";
import { Explorer, type Subject } from "./explorer.ts";
import { type Found, finish, type Reading, readQuery } from "./finish.ts";
import { productOf } from "./points.ts";
import type { Exploration, Query, Variant } from "./result.ts";
import { search } from "./search.ts";

/** What is asked of a sweep. */
export interface Question {
  /** Null for the only one of the spec. */
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

/** A question that is ready to visit points: everything that can be wrong with it has been looked at. */
export interface Prepared {
  readonly sweep: Sweep;
  readonly subjects: readonly Subject[];
  readonly explorer: Explorer;
  readonly query: Query;
  /** Points that will be visited at most. */
  readonly count: number;
  /** One visit after the other. */
  readonly visits: () => Iterable<Variant | null>;
  /** The exploration as far as it has come. */
  readonly finish: (visited: number, variants: readonly Variant[], complete: boolean) => Exploration;
}

/** A checked spec and the texts that it was read from, the root last. */
export interface SweepSpec {
  readonly program: Program;
  readonly files: readonly Ast[];
}

/** Finds everything that can be wrong with a question before the first point is visited. */
export function prepare(job: Question, { program, files }: SweepSpec, open: OpenDevice): Result<Prepared> {
  const sweep = sweepNamed(program.sweeps, job.sweep, files.at(-1)?.source.name ?? "the spec");
  if (!sweep.ok) return sweep;
  const subjects = subjectsOf(job, open);
  if (!subjects.ok) return subjects;
  const settings = subjects.value.map(({ setting }) => setting);
  const { where, sort, top } = job;
  const texts = files.map(({ source: { text } }) => `${text.length}\n${text}`);
  const query: Query = {
    spec: bytesToHex(sha256(utf8ToBytes(texts.join("")))),
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
  return ok({
    sweep: sweep.value,
    subjects: subjects.value,
    explorer,
    query,
    count,
    visits: () => visits(job, sweep.value, explorer, points, { budget: budget.value, goals: reading.value.front }),
    finish: (visited, variants, complete) => finish(found(visited, complete), variants, all),
  });
}

const sizeOf = (points: number, { index, of }: { readonly index: number; readonly of: number }): number =>
  Math.ceil((points - index + 1) / of);

function* visits(
  { budget, seed, evaluations, shard }: Question,
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

/** The device that has a name, or that a file describes. */
export type OpenDevice = (name: string) => Result<Device>;

/** Every device with every storage type and batch. */
function subjectsOf(
  { devices, dtypes, batches }: Pick<Question, "devices" | "dtypes" | "batches">,
  open: OpenDevice,
): Result<readonly Subject[]> {
  const subjects: Subject[] = [];
  for (const name of devices) {
    const device = open(name);
    if (!device.ok) return device;
    for (const dtype of dtypes.length === 0 ? [defaultType(device.value)] : dtypes) {
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
  { dtypes, batches }: Pick<Question, "dtypes" | "batches">,
): Subject {
  const { name, title } = device;
  const label = `${name}${dtypes.length > 1 ? `/${dtype}` : ""}${batches.length > 1 ? `/b${batch}` : ""}`;
  return { device, setting: { label, device: name, title, dtype, batch } };
}
