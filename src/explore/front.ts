import type { Direction } from "./conditions.ts";
import type { Variant } from "./result.ts";

/** What a variant has in each column, turned so that less is better. */
export const costsOf = (goals: readonly Direction[], variant: Variant): readonly number[] =>
  goals.map(({ column, most }) => (most ? -column.of(variant) : column.of(variant)));

/** True where one is nowhere worse and somewhere better. */
export function dominates(a: readonly number[], b: readonly number[]): boolean {
  let better = false;
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number];
    if (x > y) return false;
    if (x < y) better = true;
  }
  return better;
}

/**
 * Variants than which no other is better in every column (Pareto's front), in the order of the first column. Of equals
 * the one that comes first in the product stays.
 */
export function frontOf(goals: readonly Direction[], variants: readonly Variant[]): readonly Variant[] {
  const points = variants.map(variant => ({ variant, costs: costsOf(goals, variant) }));
  points.sort((a, b) => compare(a.costs, b.costs) || a.variant.index - b.variant.index);
  const front: typeof points = [];
  for (const point of points) {
    const beaten = front.some(({ costs }) => dominates(costs, point.costs) || compare(costs, point.costs) === 0);
    if (!beaten) front.push(point);
  }
  return front.map(({ variant }) => variant);
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Area of the plane that two costs dominate up to a reference point: what a front is worth. */
export function hypervolume(front: readonly (readonly number[])[], reference: readonly [number, number]): number {
  const [right, top] = reference;
  const inside = front.filter(([x = 0, y = 0]) => x < right && y < top).sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0));
  let area = 0;
  let floor = top;
  for (const [x = 0, y = 0] of inside) {
    if (y >= floor) continue;
    area += (right - x) * (floor - y);
    floor = y;
  }
  return area;
}
