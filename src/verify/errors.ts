/**
 * ‖found − wanted‖ / ‖wanted‖. Values that are not finite must be the same in both, else the result is NaN; it is
 * infinite where only `wanted` is all zeros. `floor`: a root mean square below which `wanted` counts as of that one.
 */
export function relL2(found: ArrayLike<number>, wanted: ArrayLike<number>, floor = 0): number {
  if (found.length !== wanted.length) return Number.NaN;
  let [difference, norm] = [0, 0];
  for (let i = 0; i < wanted.length; i++) {
    const [a, b] = [found[i] as number, wanted[i] as number];
    if (Object.is(a, b)) {
      norm += Number.isFinite(b) ? b * b : 0;
      continue;
    }
    difference += (a - b) ** 2;
    norm += b ** 2;
  }
  return difference === 0 ? 0 : Math.sqrt(difference / Math.max(norm, floor ** 2 * wanted.length));
}

/** The largest difference of a single value. */
export function maxDifference(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < wanted.length; i++) {
    const off = Math.abs((found[i] as number) - (wanted[i] as number));
    if (!(off <= most) && !Object.is(found[i], wanted[i])) most = off;
  }
  return most;
}

/** Whether a value is NaN in both. */
export function hasSharedNaN(found: ArrayLike<number>, wanted: ArrayLike<number>): boolean {
  for (let i = 0; i < wanted.length; i++) if (Number.isNaN(found[i]) && Number.isNaN(wanted[i])) return true;
  return false;
}

/** The place of the largest of `count` values from `start`, the first of equals; null where one of them is NaN. */
export function argmax(values: ArrayLike<number>, start: number, count: number): number | null {
  let best = 0;
  for (let i = 0; i < count; i++) {
    const value = values[start + i] as number;
    if (Number.isNaN(value)) return null;
    if (value > (values[start + best] as number)) best = i;
  }
  return best;
}
