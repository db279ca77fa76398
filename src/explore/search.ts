import { choices } from "../model/choices.ts";
import type { Sweep } from "../model/model.ts";
import { type Condition, type Direction, excess } from "./conditions.ts";
import { costsOf, dominates } from "./front.ts";
import { indexOf, productOf } from "./points.ts";
import type { Variant } from "./result.ts";

export interface SearchOptions {
  readonly seed: number;
  /** Most points that are looked at. */
  readonly evaluations: number;
  readonly budget: readonly Condition[];
  readonly goals: readonly Direction[];
}

/** Points at random at the start, at most this part of all. */
const firstShare = 0.12;
/** Children of chance after each systematic step around a point. */
const chances = 6;

/**
 * Looks for the front of a product that is too large to visit. After a few points at random it goes along the front:
 * from the point with the largest gap beside it that it has not gone around yet to every point one step away along one
 * axis; between such rounds it tries steps along two axes at once, up one and down another, and mixtures of two points of
 * the front. While nothing is within the budget, the points least beyond it stand in for the front. Gives every point
 * that was looked at, in order; the same seed looks at the same points. A generator, so that whoever drives it can stop.
 */
export function* search(
  sweep: Sweep,
  visit: (index: number) => Variant | null,
  { seed, evaluations, budget, goals }: SearchOptions,
): Generator<Variant | null> {
  const sizes = sweep.axes.map(({ values }) => values.length);
  const { int, pick } = choices(seed * 2654435761 + 1);
  const known = new Map<number, Known>();
  const around = new Set<number>();
  const most = Math.min(evaluations, productOf(sweep));

  function* look(points: Iterable<readonly number[]>): Generator<Variant | null> {
    for (const choice of points) {
      const index = indexOf(sweep, choice);
      if (known.has(index) || known.size >= most) continue;
      const variant = visit(index);
      const over = variant === null ? Number.POSITIVE_INFINITY : sum(budget.map(each => excess(each, variant)));
      known.set(index, { choice, variant, over, costs: variant === null ? [] : costsOf(goals, variant) });
      yield variant;
    }
  }

  yield* look([sizes.map(() => 0), sizes.map(size => size - 1)]);
  while (known.size < most * firstShare) yield* look([sizes.map(size => int(0, size - 1))]);
  for (let barren = 0; known.size < most && barren < 64; ) {
    const before = known.size;
    const best = bestOf([...known.values()]);
    const next = best.find(({ choice }) => !around.has(indexOf(sweep, choice)));
    if (next !== undefined) {
      around.add(indexOf(sweep, next.choice));
      yield* look(neighbours(next.choice, sizes));
    }
    yield* look(Array.from({ length: chances }, (_, i) => (i % 2 === 0 ? exchanged : mixed)(best)));
    if (next === undefined) yield* look([sizes.map(size => int(0, size - 1))]);
    barren = known.size === before ? barren + 1 : 0;
  }

  /** A step up along one axis and down along another. */
  function exchanged(best: readonly Known[]): readonly number[] {
    const choice = [...pick(best).choice];
    const [up, down] = [int(0, sizes.length - 1), int(0, sizes.length - 1)];
    choice[up] = Math.min((sizes[up] as number) - 1, (choice[up] as number) + 1);
    choice[down] = Math.max(0, (choice[down] as number) - 1);
    return choice;
  }

  /** Each value from one of two. */
  function mixed(best: readonly Known[]): readonly number[] {
    const [a, b] = [pick(best).choice, pick(best).choice];
    return a.map((value, i) => (int(0, 1) === 0 ? value : (b[i] as number)));
  }
}

interface Known {
  readonly choice: readonly number[];
  /** Null where the point cannot be had. */
  readonly variant: Variant | null;
  /** By how much it is over the budget; 0 within. */
  readonly over: number;
  readonly costs: readonly number[];
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** Every point one step away along one axis. */
const neighbours = (choice: readonly number[], sizes: readonly number[]): readonly (readonly number[])[] =>
  choice.flatMap((value, axis) =>
    [value - 1, value + 1]
      .filter(other => other >= 0 && other < (sizes[axis] as number))
      .map(other => choice.map((same, i) => (i === axis ? other : same))),
  );

/** Of the points beyond the budget so many stand in for a front. */
const standIns = 8;

/** The front within the budget, the point with the largest gap beside it first; else the points least beyond the budget. */
function bestOf(known: readonly Known[]): readonly Known[] {
  const within = known.filter(({ over }) => over === 0);
  const front = within.filter(a => !within.some(b => dominates(b.costs, a.costs)));
  if (front.length > 0) return byGap(front);
  const beyond = known.filter(({ variant }) => variant !== null);
  return [...beyond].sort((a, b) => a.over - b.over).slice(0, standIns);
}

/** How much room each has between its neighbours on the front, as a part of the whole front in each column. */
function byGap(front: readonly Known[]): readonly Known[] {
  const gaps = new Map<Known, number>(front.map(each => [each, 0]));
  for (let column = 0; column < (front[0]?.costs.length ?? 0); column++) {
    const cost = (at: Known | undefined): number => at?.costs[column] ?? Number.NaN;
    const line = [...front].sort((a, b) => cost(a) - cost(b));
    const width = cost(line.at(-1)) - cost(line[0]) || 1;
    line.forEach((each, i) => {
      const isEnd = i === 0 || i === line.length - 1;
      const gap = isEnd ? 1 : (cost(line[i + 1]) - cost(line[i - 1])) / width;
      gaps.set(each, (gaps.get(each) ?? 0) + gap);
    });
  }
  return [...front].sort((a, b) => (gaps.get(b) ?? 0) - (gaps.get(a) ?? 0));
}
