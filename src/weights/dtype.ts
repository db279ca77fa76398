/** Bytes an element takes, for every element type a tensor file may hold here. Names are those of safetensors. */
export const dtypeBytes = {
  F64: 8,
  I64: 8,
  U64: 8,
  F32: 4,
  I32: 4,
  U32: 4,
  F16: 2,
  BF16: 2,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
} as const satisfies Record<string, number>;

export type FileDType = keyof typeof dtypeBytes;

export const isFileDType = (text: string): text is FileDType => Object.hasOwn(dtypeBytes, text);

/** Element types that can be model weights: those whose every value is a float32 value. */
export const weightDTypes = ["F32", "F16", "BF16"] as const satisfies readonly FileDType[];
export type WeightDType = (typeof weightDTypes)[number];

export const isWeightDType = (dtype: FileDType): dtype is WeightDType =>
  (weightDTypes as readonly FileDType[]).includes(dtype);

/** The same bytes at an address of their own. Not `bytes.slice()`: of a Buffer that is a view. */
export const copied = (bytes: Uint8Array): ArrayBuffer => Uint8Array.from(bytes).buffer;

/** Little-endian 16-bit words; a copy where the address is odd. */
const words16 = (bytes: Uint8Array): Uint16Array =>
  bytes.byteOffset % 2 === 0
    ? new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2)
    : new Uint16Array(copied(bytes));

/** IEEE binary16 to binary32, exact: infinities, NaN payloads, subnormals and the sign of zero kept. */
function fromF16(bytes: Uint8Array): Float32Array {
  const halves = words16(bytes);
  const values = new Float32Array(halves.length);
  const bits = new Uint32Array(values.buffer);
  for (let i = 0; i < halves.length; i++) {
    const half = halves[i] as number;
    const sign = (half & 0x8000) << 16;
    const exponent = (half >>> 10) & 31;
    const mantissa = half & 0x3ff;
    if (exponent === 31) bits[i] = sign | 0x7f800000 | (mantissa << 13);
    else if (exponent > 0) bits[i] = sign | ((exponent + 112) << 23) | (mantissa << 13);
    else values[i] = (sign === 0 ? 1 : -1) * mantissa * 2 ** -24;
  }
  return values;
}

/** bfloat16 to binary32, exact: it is the upper half. */
function fromBF16(bytes: Uint8Array): Float32Array {
  const halves = words16(bytes);
  const values = new Float32Array(halves.length);
  const bits = new Uint32Array(values.buffer);
  for (let i = 0; i < halves.length; i++) bits[i] = (halves[i] as number) << 16;
  return values;
}

/** Little-endian binary32; a view where the address allows it, else a copy. */
const fromF32 = (bytes: Uint8Array): Float32Array =>
  bytes.byteOffset % 4 === 0
    ? new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
    : new Float32Array(copied(bytes));

/** Little-endian bytes of one tensor to float32, exact for every type here. */
export const toF32: Readonly<Record<WeightDType, (bytes: Uint8Array) => Float32Array>> = {
  F32: fromF32,
  F16: fromF16,
  BF16: fromBF16,
};
