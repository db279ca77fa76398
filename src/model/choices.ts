/** A seeded stream of choices (xorshift32): the same seed gives the same choices on every machine. */
export function choices(seed: number) {
  let state = seed >>> 0 || 0x9e3779b9;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state = (state ^ (state << 5)) >>> 0;
    return state / 2 ** 32;
  };
  const int = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  return { int, pick: <T>(from: readonly T[]): T => from[int(0, from.length - 1)] as T };
}
