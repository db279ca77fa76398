import { fail, ok, type Result } from "../diagnostics/diagnostic.ts";
import { error } from "../diagnostics/messages.ts";
import { columnsOf } from "./columns.ts";
import { type Condition, type Direction, holds, readCondition, readDirection } from "./conditions.ts";
import { frontOf } from "./front.ts";
import type { Exploration, Query, Variant } from "./result.ts";

/** A query's conditions and directions, read. */
export interface Reading {
  readonly where: readonly Condition[];
  readonly sort: readonly Direction[];
  readonly front: readonly Direction[];
}

/** What the words of a query mean, or what is wrong with them. */
export function readQuery({ settings, where, sort, front }: Query): Result<Reading> {
  const columns = columnsOf(settings);
  const conditions = where.map(text => readCondition(text, columns));
  const sorting = sort.map(text => readDirection(text, "--sort", columns));
  const goals = front.map(text => readDirection(text, "--front", columns));
  const problems = [...conditions, ...sorting, ...goals].flatMap(result => (result.ok ? [] : result.diagnostics));
  if (problems.length > 0) return fail(...problems);
  const values = <T>(results: readonly Result<T>[]): readonly T[] =>
    results.flatMap(result => (result.ok ? [result.value] : []));
  return ok({ where: values(conditions), sort: values(sorting), front: values(goals) });
}

/** Everything about an exploration but what is made of its variants. */
export type Found = Omit<Exploration, "format" | "variants" | "front">;

/** Conditions, front, order and number of rows: the last steps, the same for one run and for merged shards. */
export function finish(found: Found, variants: readonly Variant[], { where, sort, front }: Reading): Exploration {
  const kept = variants.filter(variant => where.every(condition => holds(condition, variant)));
  // A shard keeps every row and knows no front: both are of the whole.
  const { top } = found.query;
  const ordered = found.shard === null ? inOrder(kept, sort) : inOrder(kept, []);
  const shown = found.shard === null && top !== null ? ordered.slice(0, top) : ordered;
  const best = found.shard === null ? new Set(frontOf(front, kept)) : new Set<Variant>();
  return {
    format: "cnxc-exploration-1",
    ...found,
    variants: shown,
    front: shown.filter(variant => best.has(variant)).map(({ index }) => index),
  };
}

/** By each direction in turn; equals as they stand in the product. */
const inOrder = (variants: readonly Variant[], directions: readonly Direction[]): readonly Variant[] =>
  [...variants].sort((a, b) => {
    for (const { column, most } of directions) {
      const difference = most ? column.of(b) - column.of(a) : column.of(a) - column.of(b);
      if (difference !== 0) return difference;
    }
    return a.index - b.index;
  });

/** Shards of one exploration as the whole that they are parts of. */
export function merge(parts: readonly Exploration[]): Result<Exploration> {
  const [first] = parts;
  if (first === undefined) return fail(error("shards-incomplete", null, "there are none"));
  for (const part of parts)
    for (const name of Object.keys(first.query) as (keyof Query)[])
      if (JSON.stringify(part.query[name]) !== JSON.stringify(first.query[name]))
        return fail(error("shards-differ", null, name));
  const of = first.shard?.of ?? 1;
  const counts = new Map<number, number>();
  for (const { shard, complete } of parts) {
    const index = shard?.index ?? 1;
    if ((shard?.of ?? 1) !== of) return fail(error("shards-differ", null, "the number of shards"));
    if (!complete) return fail(error("shards-incomplete", null, `shard ${index} of ${of} was interrupted`));
    counts.set(index, (counts.get(index) ?? 0) + 1);
  }
  for (let index = 1; index <= of; index++) {
    const count = counts.get(index) ?? 0;
    if (count !== 1)
      return fail(
        error("shards-incomplete", null, `shard ${index} of ${of} is ${count === 0 ? "missing" : "given twice"}`),
      );
  }
  const reading = readQuery(first.query);
  if (!reading.ok) return reading;
  const { query, points, search } = first;
  const visited = parts.reduce((sum, part) => sum + part.visited, 0);
  const variants = parts.flatMap(part => part.variants).sort((a, b) => a.index - b.index);
  return ok(finish({ query, points, visited, complete: true, shard: null, search }, variants, reading.value));
}
