/** An element type of a file: how wide it is, and its values in f32, which has every one of them. */
interface ElementType {
  readonly width: 2 | 4;
  readonly toF32: (bytes: ArrayBuffer) => Float32Array<ArrayBuffer>;
}

/** Element types of weights, by their names in safetensors. */
export const dtypes = {
  F32: { width: 4, toF32: bytes => new Float32Array(bytes) },
  F16: { width: 2, toF32: fromF16 },
  BF16: { width: 2, toF32: bytes => withBits(bytes, half => half << 16) },
} as const satisfies Record<string, ElementType>;

export type DType = keyof typeof dtypes;

export const isDType = (name: unknown): name is DType => typeof name === "string" && Object.hasOwn(dtypes, name);

/** Each half word as the bits of an f32. */
function withBits(bytes: ArrayBuffer, of: (half: number) => number): Float32Array<ArrayBuffer> {
  const halves = new Uint16Array(bytes);
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = of(halves[i] as number);
  return new Float32Array(bits.buffer);
}

/** The exponent of what has no finite value in f16, as it lands in an f32. */
const beyond = 2 ** -96;

/** With the exponent where that of an f32 is, all numbers are 2^112 too small, subnormal ones too. */
function fromF16(bytes: ArrayBuffer): Float32Array<ArrayBuffer> {
  const values = withBits(bytes, half => ((half & 0x8000) << 16) | ((half & 0x7fff) << 13));
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    const size = Math.abs(value);
    values[i] = size < beyond ? value * 2 ** 112 : size === beyond ? value / 0 : Number.NaN;
  }
  return values;
}
