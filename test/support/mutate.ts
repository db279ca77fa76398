/** xorshift32: the same numbers on every machine. */
export function numbers(seed: number): (below: number) => number {
  let x = seed;
  return below => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % below;
  };
}

/** Bytes with one or two edits: changed, inserted, cut, copied, repeated; `tokens` are what means something in them. */
export function mutated(
  bytes: Uint8Array,
  tokens: readonly (readonly number[] | Uint8Array)[],
  below: (n: number) => number,
): Uint8Array {
  let edited = [...bytes];
  for (let count = 1 + below(2); count > 0; count--) {
    const at = below(edited.length + 1);
    const length = below(12);
    const token = tokens[below(tokens.length)] ?? [];
    const edits: readonly (() => void)[] = [
      () => edited.splice(at, 1, below(256)),
      () => edited.splice(at, 0, ...token),
      () => edited.splice(at, length),
      () => edited.splice(at, token.length, ...token),
      () => edited.splice(at, length, ...token),
      () => edited.splice(at, 0, ...edited.slice(below(edited.length + 1)).slice(0, length)),
      () => {
        edited = edited.slice(0, at);
      },
      () => edited.splice(at, 0, ...Array.from({ length: 50 }, () => [...token]).flat()),
    ];
    edits[below(edits.length)]?.();
  }
  return Uint8Array.from(edited);
}
