import type { Device } from "../device.ts";
import { type Bound, bounds } from "../predict.ts";
import type { KernelCost } from "../profile.ts";
import type { Detail, Estimate, Exploration, StageShape, Variant } from "../result.ts";

/** What a report shows. */
export interface Report {
  readonly exploration: Exploration;
  /** By the variant's index; pages of variants without one show their row alone. */
  readonly details: ReadonlyMap<number, Detail>;
  /** Those that the settings name. */
  readonly devices: readonly Device[];
}

type Value = Variant["values"][number];
type EstimateColumns = {
  readonly [field in Exclude<keyof Estimate, "bound" | "measured">]: readonly number[];
} & {
  /** Places in `bounds`. */
  readonly bound: readonly number[];
  /** Null where nothing was measured under this setting. */
  readonly measured: readonly (number | null)[] | null;
};

/** A kernel with what one launch of it takes: its cost's fields in the order of `costFields`, seconds, place in `bounds`. */
type KernelRow = readonly [kind: KernelCost["kind"], ...numbers: number[]];

/** A report as it stands in its page: columns instead of rows, and whatever repeats in a table of its own. */
export interface PackedReport {
  readonly exploration: Omit<Exploration, "variants">;
  readonly devices: readonly Device[];
  readonly values: readonly Value[];
  readonly shapes: readonly (readonly number[])[];
  readonly kernels: readonly KernelRow[];
  readonly variants: {
    readonly index: readonly number[];
    readonly params: readonly number[];
    readonly macs: readonly number[];
    readonly activations: readonly number[];
    /** Places in `values` and `shapes`, a list for each variant. */
    readonly values: readonly (readonly number[])[];
    readonly stages: readonly (readonly number[])[];
    /** One for each setting. */
    readonly estimates: readonly EstimateColumns[];
  };
  readonly details: {
    readonly index: readonly number[];
    /** Place in `kernels` and count, one after the other. */
    readonly kernels: readonly (readonly number[])[];
    readonly timelines: readonly (readonly number[])[];
  };
}

const costFields = ["macs", "activations", "values", "fixed", "each", "workgroups"] as const;
const shapeFields = ["depth", "dim", "kernel", "height", "width"] as const;
const estimateFields = ["kernels", "weightBytes", "scratchBytes", "bytesMoved", "milliseconds"] as const;

/** Distinct values in the order in which they first appear. */
function distinct<T>() {
  const table: T[] = [];
  const places = new Map<string, number>();
  const placeOf = (value: T): number => {
    const key = JSON.stringify(value);
    const known = places.get(key);
    if (known !== undefined) return known;
    places.set(key, table.length);
    return table.push(value) - 1;
  };
  return { table, placeOf };
}

/** Six digits are more than any model of a device knows. */
const short = (seconds: number): number => Number(seconds.toPrecision(6));

export function packed({ exploration, details, devices }: Report): PackedReport {
  const { variants, ...rest } = exploration;
  const values = distinct<Value>();
  const shapes = distinct<readonly number[]>();
  const kernels = distinct<KernelRow>();
  const column = <T>(of: (variant: Variant) => T): readonly T[] => variants.map(of);
  const known = variants.flatMap(({ index }) => details.get(index) ?? []);
  return {
    exploration: rest,
    devices: devices.filter(({ name }) => rest.query.settings.some(({ device }) => device === name)),
    variants: {
      index: column(({ index }) => index),
      params: column(({ params }) => params),
      macs: column(({ macs }) => macs),
      activations: column(({ activations }) => activations),
      values: column(variant => variant.values.map(values.placeOf)),
      stages: column(({ stages }) => stages.map(stage => shapes.placeOf(shapeFields.map(field => stage[field])))),
      estimates: rest.query.settings.map((_, i) => estimateColumns(variants.map(v => v.estimates[i] as Estimate))),
    },
    details: {
      index: known.map(({ index }) => index),
      kernels: known.map(detail => kernelsOf(detail).flatMap(({ row, count }) => [kernels.placeOf(row), count])),
      timelines: known.map(({ profile }) => profile.timeline),
    },
    values: values.table,
    shapes: shapes.table,
    kernels: kernels.table,
  };
}

function estimateColumns(estimates: readonly Estimate[]): EstimateColumns {
  const column = (field: (typeof estimateFields)[number]) => estimates.map(estimate => estimate[field]);
  return {
    kernels: column("kernels"),
    weightBytes: column("weightBytes"),
    scratchBytes: column("scratchBytes"),
    bytesMoved: column("bytesMoved"),
    milliseconds: column("milliseconds"),
    bound: estimates.map(({ bound }) => bounds.indexOf(bound)),
    measured: estimates.some(({ measured }) => measured !== null) ? estimates.map(({ measured }) => measured) : null,
  };
}

const kernelsOf = ({ profile, times }: Detail): readonly { readonly row: KernelRow; readonly count: number }[] =>
  profile.kernels.map(({ cost, count }, i) => {
    const { seconds = 0, bound = "launches" } = times[i] ?? {};
    const numbers = costFields.map(field => cost[field]);
    return { count, row: [cost.kind, ...numbers, short(seconds / count), bounds.indexOf(bound)] };
  });

/** What was packed, but that times of kernels are rounded to six digits. */
export function unpacked(report: PackedReport): Report {
  const { exploration, devices } = report;
  const variants = report.variants.index.map((_, at) => variantAt(report, at));
  const byIndex = new Map(variants.map(variant => [variant.index, variant]));
  const details = report.details.index.map((index, at): [number, Detail] => [
    index,
    detailAt(report, at, byIndex.get(index) as Variant),
  ]);
  return { exploration: { ...exploration, variants }, details: new Map(details), devices };
}

function variantAt({ variants, values, shapes }: PackedReport, at: number): Variant {
  return {
    index: variants.index[at] as number,
    values: (variants.values[at] ?? []).map(place => values[place] as Value),
    stages: (variants.stages[at] ?? []).map(place => record(shapeFields, shapes[place] ?? []) as StageShape),
    params: variants.params[at] as number,
    macs: variants.macs[at] as number,
    activations: variants.activations[at] as number,
    estimates: variants.estimates.map(columns => ({
      ...record(
        estimateFields,
        estimateFields.map(field => columns[field][at] as number),
      ),
      bound: bounds[columns.bound[at] as number] as Bound,
      measured: columns.measured?.[at] ?? null,
    })),
  };
}

const record = <F extends string>(fields: readonly F[], numbers: readonly number[]) =>
  Object.fromEntries(fields.map((field, i) => [field, numbers[i]])) as Record<F, number>;

function detailAt({ kernels, details }: PackedReport, at: number, { index, estimates }: Variant): Detail {
  const places = details.kernels[at] ?? [];
  const rows = Array.from({ length: places.length / 2 }, (_, i) => {
    const [kind, ...numbers] = kernels[places[2 * i] as number] as KernelRow;
    const [seconds = 0, bound = 0] = numbers.slice(costFields.length);
    const cost: KernelCost = { kind, ...record(costFields, numbers) };
    return { cost, count: places[2 * i + 1] as number, seconds, bound: bounds[bound] as Bound };
  });
  const { weightBytes = 0, scratchBytes = 0 } = estimates[0] ?? {};
  return {
    index,
    profile: {
      kernels: rows.map(({ cost, count }) => ({ cost, count })),
      weightBytes,
      scratchBytes,
      timeline: details.timelines[at] ?? [],
    },
    times: rows.map(({ seconds, count, bound }) => ({ seconds: seconds * count, bound })),
  };
}
