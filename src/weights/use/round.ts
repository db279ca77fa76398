import type { WeightDType } from "../dtype.ts";

const words = new Uint32Array(1);
const floats = new Float32Array(words.buffer);

/** The bits of a binary32 rounded to binary16: to nearest, ties to even; NaN stays NaN with the upper payload. */
export function toF16Bits(value: number): number {
  floats[0] = value;
  const bits = words[0] as number;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00 | ((magnitude >>> 13) & 0x1ff);
  // 65520 lies half-way between the largest binary16 and what would come next.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) return sign | (((magnitude + 0xfff + ((magnitude >>> 13) & 1)) >>> 13) - (112 << 10));
  const steps = Math.abs(value) * 2 ** 24;
  const below = Math.floor(steps);
  const rest = steps - below;
  return sign | (rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below);
}

/** The same to bfloat16, which is the upper half of a binary32. */
export function toBF16Bits(value: number): number {
  floats[0] = value;
  const bits = words[0] as number;
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** What there is to know of a type of 16 bits. */
interface HalfType {
  readonly round: (value: number) => number;
  /** Bits of the largest finite value, and of the smallest normal one. */
  readonly largest: number;
  readonly normal: number;
}

export const halfTypes = {
  F16: { round: toF16Bits, largest: 0x7bff, normal: 0x0400 },
  BF16: { round: toBF16Bits, largest: 0x7f7f, normal: 0x0080 },
} as const satisfies Readonly<Record<Exclude<WeightDType, "F32">, HalfType>>;

const halves = (round: (value: number) => number, values: Float32Array): Uint8Array => {
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) bits[i] = round(values[i] as number);
  return new Uint8Array(bits.buffer);
};

/** Float32 values as little-endian bytes of a type; f32 as they are, the others rounded to nearest, ties to even. */
export const fromF32: Readonly<Record<WeightDType, (values: Float32Array) => Uint8Array>> = {
  F32: ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength),
  F16: values => halves(toF16Bits, values),
  BF16: values => halves(toBF16Bits, values),
};
