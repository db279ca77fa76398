import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { crc32, deflateSync } from "node:zlib";
import jpegJs from "jpeg-js";
import { afterAll, expect, test } from "vitest";
import { readPicture } from "../../../src/node/inputs/pictures.ts";
import { full } from "../../support/full.ts";
import { mutated, numbers } from "../../support/mutate.ts";
import { readPng } from "../../support/png.ts";

const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "cnxc-test-")));
const file = path.join(folder, "picture");
afterAll(() => fs.rmSync(folder, { recursive: true }));

/** What reading the bytes as RGBA gives: a size and pixels, or why not. */
async function read(bytes: Uint8Array) {
  fs.writeFileSync(file, bytes);
  const found = await readPicture(file, 4);
  if (found.ok) return { ...found.value, problem: null };
  const [{ code, message } = { code: "", message: "" }] = found.diagnostics;
  return { width: 0, height: 0, data: new Uint8Array(), problem: `${code}: ${message}` };
}

const word = (n: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(n);
  return bytes;
};
const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]);
const chunk = (type: string, data: Uint8Array = Buffer.alloc(0), wrong = 0): Buffer => {
  const named = Buffer.concat([Buffer.from(type, "latin1"), data]);
  return Buffer.concat([word(data.length), named, word((crc32(named) ^ wrong) >>> 0)]);
};
const header = (width: number, height: number, depth: number, colour: number, interlace = 0): Buffer =>
  chunk("IHDR", Buffer.concat([word(width), word(height), Buffer.from([depth, colour, 0, 0, interlace])]));
const samples: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** First column and row of each pass, and its steps; one pass where nothing is interlaced. */
const passes = [
  [[0, 0, 1, 1]],
  [
    [0, 0, 8, 8],
    [4, 0, 8, 8],
    [0, 4, 4, 8],
    [2, 0, 4, 4],
    [0, 2, 2, 4],
    [1, 0, 2, 2],
    [0, 1, 1, 2],
  ],
] as const;

/** Image data of noise, unfiltered. */
function noise(width: number, height: number, depth: number, colour: number, interlace: 0 | 1): Buffer {
  const below = numbers(width * 31 + height + depth + colour);
  const rows = passes[interlace].flatMap(([x, y, dx, dy]) => {
    const [columns, count] = [Math.ceil((width - x) / dx), Math.ceil((height - y) / dy)];
    const length = Math.ceil((Math.max(0, columns) * (samples[colour] ?? 0) * depth) / 8);
    return Array.from({ length: columns > 0 ? Math.max(0, count) : 0 }, () =>
      Buffer.from([0, ...Array.from({ length }, () => below(256))]),
    );
  });
  return Buffer.concat(rows);
}

const palette = chunk("PLTE", Buffer.from(Array.from({ length: 768 }, (_, i) => (i * 89) % 256)));
const end = chunk("IEND");
/** A whole PNG file; `more` stands before the image data. */
const png = (
  width: number,
  height: number,
  depth: number,
  colour: number,
  interlace: 0 | 1 = 0,
  more: Uint8Array[] = [],
) =>
  Buffer.concat([
    signature,
    header(width, height, depth, colour, interlace),
    ...(colour === 3 ? [palette] : []),
    ...more,
    chunk("IDAT", deflateSync(noise(width, height, depth, colour, interlace))),
    end,
  ]);

const kinds = [
  [0, 1],
  [0, 2],
  [0, 4],
  [0, 8],
  [0, 16],
  [2, 8],
  [2, 16],
  [3, 1],
  [3, 2],
  [3, 4],
  [3, 8],
  [4, 8],
  [4, 16],
  [6, 8],
  [6, 16],
] as const;

test.each(kinds)("PNG of colour type %i with %i bits: what another decoder says", async (colour, depth) => {
  for (const [width, height] of [
    [1, 1],
    [3, 2],
    [9, 7],
    [33, 20],
  ] as const)
    for (const interlace of [0, 1] as const) {
      const bytes = png(width, height, depth, colour, interlace);
      const found = await read(bytes);
      expect([found.problem, found.width, found.height]).toEqual([null, width, height]);
      const expected = readPng(bytes).data;
      // Of 16 bits libpng keeps the upper eight; the other decoder rounds.
      const most = depth === 16 ? 1 : 0;
      expect(Math.max(...found.data.map((value, i) => Math.abs(value - (expected[i] as number))))).toBeLessThanOrEqual(
        most,
      );
    }
});

test("transparency by a colour, and chunks that no pixel depends on, however wrong", async () => {
  const plain = png(3, 2, 8, 0);
  const [first = 0] = noise(3, 2, 8, 0, 0).subarray(1);
  const keyed = await read(png(3, 2, 8, 0, 0, [chunk("tRNS", Buffer.from([0, first]))]));
  expect(keyed.data[3]).toBe(0);
  const odd = [
    chunk("iCCP", Buffer.from("x\0\0junk")),
    chunk("tEXt", Buffer.from("\x1b[2J"), 1),
    chunk("acTL", word(9)),
  ];
  expect(await read(png(3, 2, 8, 0, 0, odd))).toEqual(await read(plain));
});

const picture = { width: 21, height: 13, data: Buffer.from(noise(21, 13, 8, 6, 0).subarray(0, 21 * 13 * 4)) };
const jpeg = jpegJs.encode(picture, 80).data;
const webp = Buffer.from(
  "UklGRkAAAABXRUJQVlA4TDMAAAAvJ0AHAAmASGp/8BEi+p9qARCE/3IJUYj+pzKobduGsZ3y/92ZKxQCCICCpgaRn1c5bQgA",
  "base64",
);
const whole: Readonly<Record<string, Uint8Array>> = { PNG: png(9, 7, 8, 6), JPEG: jpeg, WebP: webp };

test.each(Object.entries(whole))("%s cut short anywhere is an error", async (_, bytes) => {
  expect((await read(bytes)).problem).toBe(null);
  for (let length = 16; length < bytes.length; length += full ? 1 : Math.ceil(bytes.length / 150))
    expect([length, (await read(bytes.subarray(0, length))).problem]).toEqual([
      length,
      expect.stringContaining("image-broken"),
    ]);
});

/** A file with the data of a small picture under a header that says otherwise. */
const lying = (width: number, height: number, depth: number, colour: number, data: Uint8Array): Buffer =>
  Buffer.concat([signature, header(width, height, depth, colour), chunk("IDAT", data), end]);
const zeros = (length: number): Buffer => deflateSync(Buffer.alloc(length), { level: 9 });
const scan = Buffer.from([0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 1, 2]);

test.each<readonly [title: string, bytes: () => Uint8Array, says: string]>([
  ["1 of 20,001 bytes", () => lying(20_000, 1, 8, 0, zeros(1)), "ends after 1 of 20001 bytes"],
  ["data that goes on", () => lying(1, 1, 8, 6, zeros(50_000_000)), "goes on after its 5 bytes"],
  ["data that is none", () => lying(3, 3, 8, 6, Buffer.from("no zlib")), "damaged after 0 bytes"],
  ["no data", () => Buffer.concat([signature, header(3, 3, 8, 6), end]), "ends after 0 of 39 bytes"],
  [
    "a filter that does not exist",
    () => lying(2, 1, 8, 0, deflateSync(Buffer.from([9, 0, 0]))),
    "image data is damaged",
  ],
  [
    "a checksum",
    () => Buffer.concat([signature, header(1, 1, 8, 0), chunk("IDAT", zeros(2), 1), end]),
    "checksum of chunk IDAT",
  ],
  ["no pixels", () => lying(0, 4, 8, 6, zeros(1)), "0x4 pixels"],
  ["three bits", () => lying(1, 1, 3, 0, zeros(2)), "colour type 0 with 3 bits"],
  ["too many pixels", () => lying(2 ** 31 - 1, 2 ** 31 - 1, 8, 6, zeros(9)), "more than 64 million"],
  ["16 bits of too many pixels", () => lying(7999, 7999, 16, 6, zeros(9)), "MB to decode"],
  ["no header", () => Buffer.concat([signature, chunk("IDAT", zeros(9)), end]), "does not begin with a header"],
  [
    "a chunk behind the end",
    () => Buffer.concat([signature, word(2 ** 31), Buffer.from("IHDR0000")]),
    "a chunk of 2147483648 bytes",
  ],
  [
    "a JPEG of many scans",
    () => {
      const vast = edited(jpeg, frameOf(jpeg) + 5, [0x1f, 0x40, 0x1f, 0x3f]);
      return Buffer.concat([vast.subarray(0, -2), ...Array(12).fill(scan), vast.subarray(-2)]);
    },
    "7999x8000 pixels in 13 scans, 832 million in all",
  ],
  ["a JPEG of too many pixels", () => edited(jpeg, frameOf(jpeg) + 5, [0xff, 0xff, 0xff, 0xff]), "65535x65535 pixels"],
  ["a JPEG of no lines", () => edited(jpeg, frameOf(jpeg) + 5, [0, 0]), "21x0 pixels"],
  ["a JPEG of odd sampling", () => edited(jpeg, frameOf(jpeg) + 11, [0xff]), "sampling"],
  ["a JPEG without a picture", () => Buffer.from([0xff, 0xd8, 0xff, 0xd9]), "no picture"],
])("%s: refused in words, before anything is decoded", async (_, bytes, says) => {
  expect((await read(bytes())).problem).toContain(says);
});

test.each<readonly [begins: string, is: string]>([
  ["GIF89a\x01\0", "is a GIF, neither"],
  ["II*\0\x08\0\0\0", "is a TIFF, neither"],
  ["MM\0*\0\0\0\x08", "is a TIFF, neither"],
  ["BM\x46\0", "is a BMP, neither"],
  ["\0\0\0\x18ftypheic", "is a HEIC image, neither"],
  ["\0\0\0\x18ftypavif", "is an AVIF image, neither"],
  ["<!DOCTYPE html>", "is a page of HTML, neither"],
  ["version https://git-lfs.github.com/spec/v1", "is a pointer to a file that Git LFS keeps, neither"],
  ["", "is empty, neither"],
  ["words", "is neither a PNG nor"],
])("a file that begins with %j is said to be what it is", async (begins, is) => {
  const { problem } = await read(Buffer.from(begins, "latin1"));
  expect(problem).toContain(`image-format: the file ${is}`);
});

/** An animation of one frame of 40x30 pixels, that lies so on a canvas of so many. */
function animation(left: number, top: number, width: number, height: number): Buffer {
  const canvas = Buffer.alloc(10);
  canvas[0] = 0x12;
  canvas.writeUIntLE(width - 1, 4, 3);
  canvas.writeUIntLE(height - 1, 7, 3);
  const frame = Buffer.alloc(16);
  for (const [i, value] of [left / 2, top / 2, 39, 29].entries()) frame.writeUIntLE(value, 3 * i, 3);
  const riff = (type: string, ...data: readonly Uint8Array[]): Buffer => {
    const head = Buffer.from(`${type}....`, "latin1");
    const body = Buffer.concat(data);
    head.writeUInt32LE(body.length, 4);
    return Buffer.concat([head, body]);
  };
  const frames = riff("ANMF", frame, webp.subarray(12));
  return riff("RIFF", Buffer.from("WEBP"), riff("VP8X", canvas), riff("ANIM", Buffer.alloc(6)), frames);
}

test("the first frame of a WebP lies where it says, on what is transparent", async () => {
  const still = await read(webp);
  const found = await read(animation(6, 2, 50, 41));
  expect([found.problem, found.width, found.height]).toEqual([null, 50, 41]);
  for (let y = 0; y < 41; y++)
    for (let x = 0; x < 50; x++) {
      const inside = x >= 6 && x < 46 && y >= 2 && y < 32;
      const from = 4 * ((y - 2) * 40 + x - 6);
      const expected = inside ? [...still.data.subarray(from, from + 4)] : [0, 0, 0, 0];
      expect([...found.data.subarray(4 * (50 * y + x), 4 * (50 * y + x) + 4)]).toEqual(expected);
    }
  expect((await read(animation(12, 2, 50, 41))).problem).toContain("lies outside of it");
  expect((await read(animation(6, 12, 50, 41))).problem).toContain("lies outside of it");
});

test("a JPEG is read that has bytes between its markers, and none whose pixels are damaged", async () => {
  const end = jpeg.length - 2;
  const more = Buffer.concat([jpeg.subarray(0, end), Buffer.from([0xff, 0xd0, 1, 2, 3]), jpeg.subarray(end)]);
  expect(await read(more)).toEqual(await read(jpeg));
  const begin = jpeg.indexOf(Buffer.from([0xff, 0xda]));
  const cut = Buffer.concat([jpeg.subarray(0, begin + 60), jpeg.subarray(end)]);
  expect((await read(cut)).problem).toMatch(/image-broken: .*premature end/);
});

const frameOf = (bytes: Buffer): number => bytes.indexOf(Buffer.from([0xff, 0xc0]));
function edited(bytes: Buffer, at: number, values: readonly number[]): Buffer {
  const copy = Buffer.from(bytes);
  copy.set(values, at);
  return copy;
}

const rounds = full ? 100_000 : 300;

test.each(Object.entries(whole))(`${rounds} broken files of %s: an answer for each`, async (name, bytes) => {
  const below = numbers(20_261_129);
  const tokens = [
    [0xff],
    [0, 0, 0, 0],
    [0xff, 0xd9],
    [0xff, 0xda],
    [0xff, 0xff, 0xff, 0xff],
    Buffer.from("IDAT"),
    Buffer.from("VP8X"),
    end,
  ];
  const seen = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    let broken: Buffer = Buffer.from(mutated(bytes, tokens, below));
    if (name === "PNG" && round % 2 === 0) broken = withChecksums(broken);
    const { problem, width, height, data } = await read(broken);
    if (problem === null) expect(data.length).toBe(4 * width * height);
    seen.add(problem?.slice(0, 12) ?? "read");
  }
  expect([...seen].sort()).toEqual(expect.arrayContaining(["image-broken", "read"]));
});

/** Every chunk with a checksum that is right, so that what follows is looked at too. */
function withChecksums(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  for (let at = 8; at + 12 <= copy.length; ) {
    const next = at + 12 + copy.readUInt32BE(at);
    if (next > copy.length) break;
    copy.writeUInt32BE(crc32(copy.subarray(at + 4, next - 4)), next - 4);
    at = next;
  }
  return copy;
}
