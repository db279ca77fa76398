import { fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import { type JsonLimits, readJson } from "../../json/read.ts";
import {
  type Fields,
  fieldsOf,
  fitting,
  isObject,
  line,
  listOf,
  matching,
  number,
  oneOf,
  orNull,
  type Shape,
  whole,
} from "../../json/shape.ts";
import { type Batch, maxBatch, type Precision, precisions } from "../../model/model.ts";
import type {
  DepthwiseChoice,
  DepthwiseShape,
  ProductChoice,
  ProductShape,
  TunedChoices,
} from "../../plan/tiles/tuned-choices.ts";
import { choicesAt, type HiddenChoice, type TunableShape } from "./candidates.ts";

/** What was measured on one architecture: a row a kernel's shape, storage type and batch. */
export interface TuningTable {
  /** `sm_90`. */
  readonly architecture: string;
  /** Where the times come from. */
  readonly device: string;
  readonly rows: readonly TuningRow[];
}

export interface Times {
  /** Milliseconds of one launch of the choice, and of the default. */
  readonly milliseconds: number;
  readonly usual: number;
}

interface Row<Kernel extends string, Shape, Choice> {
  readonly kernel: Kernel;
  readonly shape: Shape;
  readonly dtype: Precision;
  /** Images of the launch. */
  readonly batch: number;
  readonly choice: Choice;
  /** Null where the choice was measured as a part of a whole pass. */
  readonly times: Times | null;
}

export type TuningRow =
  | Row<"product", ProductShape, ProductChoice>
  | Row<"depthwise", DepthwiseShape, DepthwiseChoice>
  | Row<"mlp", ProductShape, HiddenChoice>; // by the shape of the first linear

/** A row serves batches up to four times as large or as small as its own. */
const reach = 4;

/** What a table says to a build: of the rows of a shape, the one whose batch is nearest to the largest of the build. */
export function tunedBy(table: TuningTable, form: Precision, { max }: Batch): TunedChoices {
  const away = (row: TuningRow) => Math.abs(Math.log(row.batch / max));
  const usable = table.rows
    .filter(row => row.dtype === form && away(row) <= Math.log(reach))
    .sort((a, b) => away(b) - away(a)); // the nearest last, so that it stays in the map
  return choicesAt(
    usable.map(row => ({ kernel: row.kernel, shape: row.shape, candidates: [row.choice] }) as TunableShape),
    0,
  );
}

const rowKey = (row: TuningRow): string =>
  `${row.kernel} ${row.dtype} ${String(row.batch).padStart(6)} ${JSON.stringify(row.shape)}`;

/** Rows of both in one order; the later goes before the earlier where both have one. */
export function mergeRows(earlier: readonly TuningRow[], later: readonly TuningRow[]): readonly TuningRow[] {
  const rows = new Map([...earlier, ...later].map(row => [rowKey(row), row]));
  return [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
}

const format = 1;

/** JSON with a row a line, so that tables are compared and merged by lines too. */
export function printTable({ architecture, device, rows }: TuningTable): string {
  const lines = mergeRows([], rows).map(row => `    ${JSON.stringify(row)}`);
  const head = Object.entries({ format, architecture, device }).map(
    ([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)},\n`,
  );
  return `{\n${head.join("")}  "rows": [\n${lines.join(",\n")}\n  ]\n}\n`;
}

const time = number(0, 1e9);
const size = whole(1, 2 ** 20);

/** Of a number that is wrong itself, a message of its own tells. */
const multipleOf = (of: unknown): Shape =>
  Number.isInteger(of) && (of as number) > 0
    ? fitting(`a multiple of ${of}`, value => size(value, "") === null && (value as number) % (of as number) === 0)
    : size;

/** What a row must have, by kernel; what a choice may have depends on what else it has. */
const rowFields: {
  readonly [K in TuningRow["kernel"]]: {
    readonly shape: Fields;
    readonly choice: (given: Readonly<Record<string, unknown>>) => Fields;
  };
} = {
  product: {
    shape: { rows: size, depth: size, columns: size },
    choice: ({ rows }) => ({
      rows: oneOf(32, 64, 112, 128),
      columns: rows === 112 ? oneOf(32, 64, 96, 128) : oneOf(8, 16, 24, 32, 40, 48, 64, 80, 88, 96, 128),
      warpRows: oneOf(32, 64),
      step: oneOf(32, 64),
      stages: oneOf(2, 3, 4),
      split: whole(1, 16),
    }),
  },
  depthwise: {
    shape: { height: size, width: size, channels: size, kernel: size },
    choice: ({ rows }) => ({
      rows: oneOf(1, 2, 4, 7),
      columns: oneOf(4, 7, 8),
      strip: multipleOf(rows),
      groups: whole(1, 8),
    }),
  },
  mlp: {
    shape: { rows: size, depth: size, columns: size },
    choice: ({ wide }) => ({
      wide: oneOf("stored", "recomputed"),
      ...(wide === "recomputed" ? { rows: oneOf(64, 128), warpRows: oneOf(16, 32), step: oneOf(32, 64) } : {}),
    }),
  },
};

/** Bytes and values of a table: a row a kernel's shape, some tens for each model that was tuned. */
export const tableLimits: JsonLimits = { bytes: 2 ** 24, values: 2 ** 21 };

const times = orNull(fieldsOf({ milliseconds: time, usual: time }));
const kernels = oneOf(...Object.keys(rowFields));

/** What a row must be, as far as its kernel and its choice decide. */
const rowShape: Shape = (row, where) => {
  if (!isObject(row)) return { where, wanted: "an object" };
  const kernel = kernels(row.kernel, `${where}.kernel`);
  if (kernel !== null) return kernel;
  const { shape, choice } = rowFields[row.kernel as TuningRow["kernel"]];
  return fieldsOf({
    kernel: kernels,
    shape: fieldsOf(shape),
    dtype: oneOf(...precisions),
    batch: whole(1, maxBatch),
    choice: fieldsOf(choice(isObject(row.choice) ? row.choice : {})),
    times,
  })(row, where);
};

const tableShape = fieldsOf({
  format: oneOf(format),
  architecture: matching(/^(sm_\d{2,3}|cpu)$/, "a name such as sm_90"),
  device: line(200),
  rows: listOf(rowShape, 0, 2 ** 17),
});

/** A table from the bytes of a file, `file` being its name; the diagnostic names the first field that is wrong. */
export function readTable(bytes: Uint8Array, file: string): Result<TuningTable> {
  const json = readJson({
    file,
    bytes,
    limits: tableLimits,
    wrong: (place, why) => error("tuning-table", place, "the file", `JSON: ${why}`),
  });
  if (!json.ok) return json;
  const misfit = tableShape(json.value, "");
  if (misfit !== null)
    return fail(error("tuning-table", { file, offset: null }, misfit.where || "the file", misfit.wanted));
  const { architecture, device, rows } = json.value as TuningTable;
  return ok({ architecture, device, rows });
}
