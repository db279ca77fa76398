import type { ByteSource } from "./source.ts";

/** Little-endian integers in bytes; what does not lie inside them is 0. 64 bits above 2^53 - 1 are Infinity. */
export const u16 = (bytes: Uint8Array, at: number): number => (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
export const u32 = (bytes: Uint8Array, at: number): number => u16(bytes, at) + u16(bytes, at + 2) * 0x10000;
export function u64(bytes: Uint8Array, at: number): number {
  const value = u32(bytes, at) + u32(bytes, at + 4) * 0x100000000;
  return Number.isSafeInteger(value) ? value : Number.POSITIVE_INFINITY;
}

export interface Range {
  readonly at: number;
  readonly length: number;
}

const maxGap = 4096;
const maxRead = 1 << 20;

/** Many small ranges, sorted by where they begin, in few reads: what lies close together is read at once. */
export async function readRanges(source: ByteSource, ranges: readonly Range[]): Promise<readonly Uint8Array[]> {
  const found: Uint8Array[] = [];
  for (let first = 0; first < ranges.length; ) {
    const begin = ranges[first]?.at ?? 0;
    let end = begin;
    let next = first;
    for (let range = ranges[next]; range !== undefined; range = ranges[++next]) {
      const far = range.at > end + maxGap || range.at + range.length > begin + maxRead;
      if (next > first && far) break;
      end = Math.max(end, range.at + range.length);
    }
    const bytes = await source.read(begin, end - begin);
    for (; first < next; first++) {
      const { at, length } = ranges[first] as Range;
      found.push(bytes.subarray(at - begin, at - begin + length));
    }
  }
  return found;
}

const forms = [
  { from: 0xc2, to: 0xdf, more: 1, least: 0x80 },
  { from: 0xe0, to: 0xef, more: 2, least: 0x800 },
  { from: 0xf0, to: 0xf4, more: 3, least: 0x10000 },
] as const;

/** Text of valid UTF-8; null where it is none. `TextDecoder` is not everywhere that the core runs. */
export function decodeUtf8(bytes: Uint8Array): string | null {
  const pieces: string[] = [];
  let points: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at++] as number;
    let point = first;
    if (first >= 0x80) {
      const form = forms.find(({ from, to }) => first >= from && first <= to);
      if (form === undefined || at + form.more > bytes.length) return null;
      point = first & (0x3f >> form.more);
      for (let k = 0; k < form.more; k++) {
        const byte = bytes[at++] as number;
        if ((byte & 0xc0) !== 0x80) return null;
        point = (point << 6) | (byte & 0x3f);
      }
      if (point < form.least || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return null;
    }
    points.push(point);
    if (points.length === 4096) {
      pieces.push(String.fromCodePoint(...points));
      points = [];
    }
  }
  pieces.push(String.fromCodePoint(...points));
  return pieces.join("");
}
