/** The largest finite binary16. */
export const largestHalf = 65504;

/** Where a finite value lies beyond it, or -1. */
export const beyondHalf = (values: Float32Array): number =>
  values.findIndex(value => Math.abs(value) > largestHalf && Number.isFinite(value));

/** Binary32 to binary16, to the nearest and halfway to even; too large is infinite, a NaN stays one. */
export function toHalf(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < halves.length; i++) {
    const word = bits[i] as number;
    const magnitude = word & 0x7fffffff;
    halves[i] = ((word >>> 16) & 0x8000) | rounded(magnitude);
  }
  return halves;
}

/** A carry out of the mantissa runs into the exponent, where it is right: up to the next power of two, or infinity. */
function rounded(magnitude: number): number {
  if (magnitude >= 0x47800000) return magnitude > 0x7f800000 ? 0x7e00 : 0x7c00;
  const exponent = magnitude >>> 23;
  if (exponent >= 113) return shifted(magnitude - (112 << 23), 13);
  // Below 2^-14 steps are 2^-24 wide; below half of the first everything is 0.
  return exponent < 102 ? 0 : shifted((magnitude & 0x7fffff) | 0x800000, 126 - exponent);
}

/** value / 2^by, to the nearest, halfway to even. */
function shifted(value: number, by: number): number {
  const half = 1 << (by - 1);
  const odd = (value >>> by) & 1;
  return (value + half - 1 + odd) >>> by;
}
