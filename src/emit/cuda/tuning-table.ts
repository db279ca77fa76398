import { type Diagnostic, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import type { Batch, Precision } from "../../model/model.ts";
import type {
  DepthwiseChoice,
  DepthwiseShape,
  ProductChoice,
  ProductShape,
  TunedChoices,
} from "../../plan/tuned-choices.ts";
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

type Check = (value: unknown) => string | null;

const whole =
  (most: number): Check =>
  value =>
    Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most
      ? null
      : `a whole number from 1 to ${most}`;
const oneOf =
  (...values: readonly (string | number)[]): Check =>
  value =>
    values.includes(value as string) ? null : `one of ${values.join(", ")}`;
const time: Check = value => (typeof value === "number" && value >= 0 && value < 1e9 ? null : "milliseconds");
const size = whole(2 ** 20);

/** Of a field that is wrong itself, a message of its own tells. */
const multipleOf =
  (of: unknown): Check =>
  value =>
    size(value) === null && (!Number.isInteger(of) || (value as number) % (of as number) === 0)
      ? null
      : `a multiple of ${of}`;

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
      split: whole(16),
    }),
  },
  depthwise: {
    shape: { height: size, width: size, channels: size, kernel: size },
    choice: ({ rows }) => ({
      rows: oneOf(1, 2, 4, 7),
      columns: oneOf(4, 7, 8),
      strip: multipleOf(rows),
      groups: whole(8),
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
type Fields = Readonly<Record<string, Check>>;

/** A table from the text of a file, `file` being its name; the diagnostic names the first field that is wrong. */
export function readTable(text: string, file: string): Result<TuningTable> {
  const wrong = (where: string, expected: string): { ok: false; diagnostics: readonly Diagnostic[] } =>
    fail(error("tuning-table", { file, offset: null }, where, expected));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return wrong("the file", "JSON");
  }
  if (!isRecord(value)) return wrong("the file", "a JSON object");
  if (value.format !== format) return wrong("format", `${format}`);
  const { architecture, device, rows } = value;
  if (typeof architecture !== "string" || !/^(sm_\d{2,3}|cpu)$/.test(architecture))
    return wrong("architecture", "a name such as sm_90");
  if (typeof device !== "string") return wrong("device", "a text");
  if (!Array.isArray(rows)) return wrong("rows", "a list");
  for (const [i, row] of rows.entries()) {
    const problem = rowProblem(row);
    if (problem !== null) return wrong(`rows[${i}]${problem[0]}`, problem[1]);
  }
  return ok({ architecture, device, rows: rows as readonly TuningRow[] });
}

type Problem = readonly [where: string, expected: string];

function rowProblem(row: unknown): Problem | null {
  if (!isRecord(row)) return ["", "an object"];
  const kernels = oneOf(...Object.keys(rowFields));
  const first = fieldsProblem("", row, {
    kernel: kernels,
    dtype: oneOf("f32", "tf32", "f16", "bf16"),
    batch: whole(65535),
  });
  if (first !== null) return first;
  const { shape, choice } = rowFields[row.kernel as TuningRow["kernel"]];
  return (
    fieldsProblem(".shape", row.shape, shape) ??
    fieldsProblem(".choice", row.choice, choice(isRecord(row.choice) ? row.choice : {})) ??
    (row.times === null ? null : fieldsProblem(".times", row.times, { milliseconds: time, usual: time }))
  );
}

function fieldsProblem(where: string, value: unknown, fields: Fields): Problem | null {
  if (!isRecord(value)) return [where, "an object"];
  for (const [name, check] of Object.entries(fields)) {
    const expected = check(value[name]);
    if (expected !== null) return [`${where}.${name}`, expected];
  }
  return null;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
