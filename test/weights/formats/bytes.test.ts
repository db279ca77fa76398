import { describe, expect, test } from "vitest";
import { decodeUtf8, type Range, readRanges, u16, u32, u64 } from "../../../src/weights/formats/bytes.ts";
import { memorySource } from "../../../src/weights/formats/source.ts";
import { utf8 } from "../../../src/weights/formats/utf8.ts";

describe("integers", () => {
  const bytes = Uint8Array.of(0x01, 0x82, 0x03, 0x84, 0x05, 0x86, 0x07, 0x00, 0xff);
  test("little-endian, from any place", () => {
    expect([u16(bytes, 0), u16(bytes, 1), u32(bytes, 0), u32(bytes, 1)]).toEqual([
      0x8201, 0x0382, 0x84038201, 0x05840382,
    ]);
    expect(u64(Uint8Array.of(2, 0, 0, 0, 1, 0, 0, 0), 0)).toBe(2 ** 32 + 2);
  });
  test("0 beyond the end", () => {
    expect([u16(bytes, 8), u16(bytes, 9), u32(bytes, 8), u64(bytes, 8)]).toEqual([255, 0, 255, 255]);
  });
  test("what no number of JavaScript is exactly is infinite", () => {
    const most = Uint8Array.of(255, 255, 255, 255, 255, 255, 31, 0);
    expect(u64(most, 0)).toBe(2 ** 53 - 1);
    expect(u64(Uint8Array.of(0, 0, 0, 0, 0, 0, 32, 0), 0)).toBe(Infinity);
  });
});

describe("ranges", () => {
  const whole = Uint8Array.from({ length: 2_200_000 }, (_, i) => i * 31 + (i >> 8));
  test.each<[string, readonly Range[], readonly Range[]]>([
    ["none", [], []],
    ["one", [{ at: 5, length: 3 }], [{ at: 5, length: 3 }]],
    [
      "4096 bytes apart",
      [
        { at: 5, length: 3 },
        { at: 8 + 4096, length: 2 },
      ],
      [{ at: 5, length: 4096 + 5 }],
    ],
    [
      "a byte more apart",
      [
        { at: 5, length: 3 },
        { at: 9 + 4096, length: 2 },
      ],
      [
        { at: 5, length: 3 },
        { at: 9 + 4096, length: 2 },
      ],
    ],
    [
      "within each other",
      [
        { at: 5, length: 300 },
        { at: 7, length: 2 },
        { at: 4400, length: 1 },
      ],
      [{ at: 5, length: 4396 }],
    ],
    [
      "together a mebibyte",
      [
        { at: 1, length: 1 << 19 },
        { at: 1 + (1 << 19), length: 1 << 19 },
      ],
      [{ at: 1, length: 1 << 20 }],
    ],
    [
      "together a byte more",
      [
        { at: 1, length: 1 << 19 },
        { at: 1 + (1 << 19), length: (1 << 19) + 1 },
      ],
      [
        { at: 1, length: 1 << 19 },
        { at: 1 + (1 << 19), length: (1 << 19) + 1 },
      ],
    ],
    ["one alone that is more", [{ at: 1, length: 2_100_000 }], [{ at: 1, length: 2_100_000 }]],
  ])("%s", async (_, ranges, reads) => {
    const done: Range[] = [];
    const source = memorySource("w", whole);
    const read = (at: number, length: number) => {
      done.push({ at, length });
      return source.read(at, length);
    };
    const found = await readRanges({ ...source, read }, ranges);
    expect(done).toEqual(reads);
    expect(found.length).toBe(ranges.length);
    for (const [i, { at, length }] of ranges.entries())
      expect(Buffer.compare(found[i] as Uint8Array, whole.subarray(at, at + length))).toBe(0);
  });
});

describe("UTF-8", () => {
  const platform = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const wanted = (bytes: Uint8Array): string | null => {
    try {
      return platform.decode(bytes);
    } catch {
      return null;
    }
  };

  test("the first and the last of every length, and around the surrogates", () => {
    const points = [0, 0x7f, 0x80, 0x7ff, 0x800, 0xfff, 0xd7ff, 0xe000, 0xffff, 0x10000, 0xfffff, 0x10ffff];
    for (const point of points) {
      const text = `a${String.fromCodePoint(point)}b`;
      expect(decodeUtf8(utf8(text))).toBe(text);
    }
  });

  test("as the platform decodes two, three and four bytes about every limit", () => {
    const bytes = [0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff];
    const first = [0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf8];
    const given: number[][] = [];
    for (let a = 0; a < 256; a++) for (const b of bytes) given.push([a, b]);
    for (const a of first)
      for (const b of bytes)
        for (const c of bytes) given.push([a, b, c], ...[0x41, 0x7f, 0x80, 0xbf, 0xc0].map(d => [a, b, c, d]));
    const wrong = given.filter(of => decodeUtf8(Uint8Array.from(of)) !== wanted(Uint8Array.from(of)));
    expect(wrong).toEqual([]);
  });

  test("more than one piece of text", () => {
    for (const length of [0, 1, 4095, 4096, 4097, 8192, 10_000]) {
      const text = Array.from({ length }, (_, i) => String.fromCodePoint(0x400 + (i % 512))).join("");
      expect(decodeUtf8(utf8(text))).toBe(text);
    }
  });
});
