import { choices } from "../model/choices.ts";
import type { Sweep } from "../model/model.ts";
import { type Condition, type Direction, excess } from "./conditions.ts";
import { costsOf, dominates } from "./front.ts";
import { choiceAt, indexOf, productOf } from "./points.ts";
import type { Variant } from "./result.ts";

export interface SearchOptions {
  readonly seed: number;
  /** Most points that are looked at. */
  readonly evaluations: number;
  readonly budget: readonly Condition[];
  readonly goals: readonly Direction[];
}

interface Known {
  readonly index: number;
  /** Null where the point cannot be had. */
  readonly variant: Variant | null;
  /** By how much it is over the budget; 0 within. */
  readonly over: number;
  readonly costs: readonly number[];
}

/** So many of the best are parents of the next points. */
const parents = 48;
/** Points at random before the first children, at most this part of all. */
const firstShare = 0.25;

/**
 * Looks for the front of a product that is too large to visit: points near and between those that no other dominates,
 * first the ones within the budget, then the ones least beyond it. Gives every point that was looked at, in order; the
 * same seed looks at the same points. A generator, so that whoever drives it can stop.
 */
export function* search(
  sweep: Sweep,
  visit: (index: number) => Variant | null,
  { seed, evaluations, budget, goals }: SearchOptions,
): Generator<Variant | null> {
  const product = productOf(sweep);
  const sizes = sweep.axes.map(({ values }) => values.length);
  const { int, pick } = choices(seed * 2654435761 + 1);
  const known = new Map<number, Known>();
  const look = (index: number): Known => {
    const variant = visit(index);
    const over =
      variant === null ? Number.POSITIVE_INFINITY : budget.reduce((sum, each) => sum + excess(each, variant), 0);
    const found = { index, variant, over, costs: variant === null ? [] : costsOf(goals, variant) };
    known.set(index, found);
    return found;
  };
  const randomIndex = (): number =>
    indexOf(
      sweep,
      sizes.map(size => int(0, size - 1)),
    );
  const most = Math.min(evaluations, product);
  const first = Math.max(8, Math.floor(most * firstShare));
  /** The least and the most of every axis bound what is between. */
  const corners = [sizes.map(() => 0), sizes.map(size => size - 1)].map(choice => indexOf(sweep, choice));
  for (const index of corners) if (!known.has(index) && known.size < most) yield look(index).variant;
  while (known.size < Math.min(first, most)) {
    const index = randomIndex();
    if (!known.has(index)) yield look(index).variant;
  }
  for (let barren = 0; known.size < most && barren < 64; ) {
    const best = fittest([...known.values()]);
    const before = known.size;
    for (const child of children(best)) {
      if (known.has(child) || known.size >= most) continue;
      yield look(child).variant;
    }
    barren = known.size === before ? barren + 1 : 0;
  }

  /** Each parent gives one child a step away along an axis or two, and one that mixes it with another. */
  function children(best: readonly Known[]): readonly number[] {
    return best.flatMap(({ index }) => {
      const own = [...choiceAt(sweep, index)];
      const other = choiceAt(sweep, pick(best).index);
      const mixed = own.map((value, i) => (int(0, 1) === 0 ? value : (other[i] as number)));
      return [stepped(own), stepped(mixed)].map(choice => indexOf(sweep, choice));
    });
  }

  function stepped(choice: readonly number[]): readonly number[] {
    const next = [...choice];
    for (let moves = int(1, 2); moves > 0; moves--) {
      const axis = int(0, sizes.length - 1);
      const size = sizes[axis] as number;
      const far = int(0, 7) === 0;
      const value = far ? int(0, size - 1) : (next[axis] as number) + pick([-1, 1]);
      next[axis] = Math.min(size - 1, Math.max(0, value));
    }
    return next;
  }
}

/** The front within the budget, then the next one, then the points least beyond it. */
function fittest(known: readonly Known[]): readonly Known[] {
  const within = known.filter(({ over }) => over === 0);
  const chosen: Known[] = [];
  let rest = within;
  while (chosen.length < parents && rest.length > 0) {
    const front = rest.filter(a => !rest.some(b => dominates(b.costs, a.costs)));
    chosen.push(...(chosen.length === 0 ? front : front.slice(0, parents - chosen.length)));
    const taken = new Set(front);
    rest = rest.filter(each => !taken.has(each));
  }
  if (chosen.length >= parents) return chosen;
  const beyond = known.filter(({ over, variant }) => over > 0 && variant !== null);
  beyond.sort((a, b) => a.over - b.over || a.index - b.index);
  return [...chosen, ...beyond.slice(0, parents - chosen.length)];
}
