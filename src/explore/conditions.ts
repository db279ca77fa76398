import { fail, ok, type Result } from "../diagnostics/diagnostic.ts";
import { escapeControls } from "../diagnostics/escape.ts";
import { error } from "../diagnostics/messages.ts";
import { nearestOf } from "../diagnostics/nearest.ts";
import { type Comparison, comparisons } from "../model/comparisons.ts";
import { type Column, columnNamed } from "./columns.ts";
import { quantity } from "./quantity.ts";
import type { Variant } from "./result.ts";

/** `params<=5M`: what a variant must satisfy. */
export interface Condition {
  readonly column: Column;
  readonly compare: Comparison;
  readonly limit: number;
}

/** A column to order or trade by, and which end of it is wanted. */
export interface Direction {
  readonly column: Column;
  readonly most: boolean;
}

export function holds({ column, compare, limit }: Condition, variant: Variant): boolean {
  return comparisons[compare](column.of(variant), limit);
}

/** How far a variant is beyond a condition, as a part of its limit; 0 where it holds. */
export function excess({ column, compare, limit }: Condition, variant: Variant): number {
  const value = column.of(variant);
  if (comparisons[compare](value, limit)) return 0;
  return Math.abs(value - limit) / Math.max(Math.abs(limit), 1e-12) + 1e-9;
}

function find(columns: readonly Column[], name: string, option: string): Result<Column> {
  const column = columnNamed(columns, name);
  if (column !== null) return ok(column);
  const names = columns.map(({ name }) => name);
  return fail(error("unknown-column", null, name, option, names.join(", "), nearestOf(names)(name)));
}

/** Characters of a condition or a column's name; more than any that means something. */
export const longestWord = 200;

const isLine = (text: string): boolean => text.length <= longestWord && escapeControls(text) === text;

/** The parts of a word that a pattern names; none where it does not fit, or is no line of text. */
const partsOf = (text: string, pattern: RegExp): readonly (string | undefined)[] =>
  (isLine(text) ? pattern.exec(text) : null) ?? [];

const conditionExample = "--where 'params<=5M' or --where 'latency@m3-max<2ms'";

/** `--where 'params<=5M'` */
export function readCondition(text: string, columns: readonly Column[]): Result<Condition> {
  const [, name, compare, limit] = partsOf(text, /^\s*([\w@./-]+?)\s*(<=|>=|==|<|>)\s*(\S+)\s*$/);
  if (name === undefined || limit === undefined)
    return fail(error("bad-condition", null, "--where", text, conditionExample));
  const column = find(columns, name, "--where");
  if (!column.ok) return column;
  const value = quantity(limit, column.value.unit);
  if (value === null) return fail(error("bad-condition", null, "--where", text, conditionExample));
  return ok({ column: column.value, compare: compare as Comparison, limit: value });
}

const budgetExample = "--budget params=5M,latency=2ms@m3-max";

/** `--budget params=5M,latency=2ms@m3-max`: at most so much of each. */
export function readBudget(text: string, columns: readonly Column[]): Result<readonly Condition[]> {
  const conditions: Condition[] = [];
  for (const part of text.split(",")) {
    const [, name, limit, label] = partsOf(part, /^\s*([\w@./-]+?)\s*=\s*([\w.+-]+?)(?:@([\w./-]+))?\s*$/);
    if (name === undefined || limit === undefined)
      return fail(error("bad-condition", null, "--budget", part, budgetExample));
    const column = find(columns, label === undefined ? name : `${name}@${label}`, "--budget");
    if (!column.ok) return column;
    const value = quantity(limit, column.value.unit);
    if (value === null) return fail(error("bad-condition", null, "--budget", part, budgetExample));
    conditions.push({ column: column.value, compare: "<=", limit: value });
  }
  return ok(conditions);
}

/** `latency@h200` or `macs:max`: what less of is better, unless `:max` says more. */
export function readDirection(text: string, option: string, columns: readonly Column[]): Result<Direction> {
  const [, name, end] = partsOf(text, /^\s*([\w@./-]+)(?::(min|max))?\s*$/);
  if (name === undefined)
    return fail(error("bad-condition", null, option, text, `${option} params or ${option} macs:max`));
  const column = find(columns, name, option);
  return column.ok ? ok({ column: column.value, most: end === "max" }) : column;
}
