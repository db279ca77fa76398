/** Eight tables, so that eight bytes are taken in a step. */
const tables = Array.from({ length: 8 }, () => new Uint32Array(256)) as [
  ...[Uint32Array, Uint32Array, Uint32Array, Uint32Array],
  ...[Uint32Array, Uint32Array, Uint32Array, Uint32Array],
];
for (let byte = 0; byte < 256; byte++) {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  tables[0][byte] = rest;
}
for (let k = 1; k < 8; k++) {
  for (let byte = 0; byte < 256; byte++) {
    const shorter = tables[k - 1]?.[byte] as number;
    (tables[k] as Uint32Array)[byte] = (shorter >>> 8) ^ (tables[0][shorter & 255] as number);
  }
}
const [t0, t1, t2, t3, t4, t5, t6, t7] = tables;

/** CRC-32 of ISO 3309, as zip has it, unsigned; `before` is that of the bytes in front of these. */
export function crc32(bytes: Uint8Array, before = 0): number {
  let crc = ~before;
  let at = 0;
  const get = (table: Uint32Array, byte: number): number => table[byte & 255] as number;
  for (const whole = bytes.length - 7; at < whole; at += 8) {
    const b = (k: number): number => bytes[at + k] as number;
    const low = crc ^ (b(0) | (b(1) << 8) | (b(2) << 16) | (b(3) << 24));
    crc =
      get(t7, low) ^
      get(t6, low >>> 8) ^
      get(t5, low >>> 16) ^
      get(t4, low >>> 24) ^
      get(t3, b(4)) ^
      get(t2, b(5)) ^
      get(t1, b(6)) ^
      get(t0, b(7));
  }
  for (; at < bytes.length; at++) crc = (crc >>> 8) ^ get(t0, crc ^ (bytes[at] as number));
  return ~crc >>> 0;
}
