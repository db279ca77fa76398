/** Bytes all at once, or one piece after another. */
export type Pieces = Uint8Array | AsyncIterable<Uint8Array>;

/** How much is read at a time of a tensor that need not be in memory whole; a multiple of every element's bytes. */
export const pieceBytes = 1 << 22;

export async function* eachPiece(pieces: Pieces): AsyncGenerator<Uint8Array> {
  if (pieces instanceof Uint8Array) yield pieces;
  else yield* pieces;
}

/** All of them in one array, `size` bytes long; no copy where they are one already. */
export async function joined(pieces: Pieces, size: number): Promise<Uint8Array> {
  if (pieces instanceof Uint8Array) return pieces;
  const whole = new Uint8Array(size);
  let at = 0;
  for await (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
