/** ‖found − wanted‖ / ‖wanted‖; NaN where a value is not finite, and infinite where only `wanted` is zero. */
export function relL2(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  let [difference, norm] = [0, 0];
  for (let i = 0; i < wanted.length; i++) {
    const [a, b] = [found[i] as number, wanted[i] as number];
    difference += (a - b) ** 2;
    norm += b ** 2;
  }
  if (difference === 0) return 0;
  return Math.sqrt(difference / norm);
}
