import { Readable } from "node:stream";
import { crc32, createInflate } from "node:zlib";
import type { Result } from "../../../diagnostics/diagnostic.ts";
import { ok } from "../../../diagnostics/diagnostic.ts";
import { BrokenPicture, type Cost, type Decoder, type PictureFormat, type Rgba, rgbaBytes } from "./format.ts";
import { binaryOf } from "./instance.ts";

const pngPackage = "@jsquash/png";

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]);

export const pngCodec: Decoder = {
  package: pngPackage,
  module: "codec/pkg/squoosh_png.js",
  decode: async (bytes, loaded) => {
    const chunks = chunksOf(bytes);
    await checkImageData(chunks, headerOf(chunks));
    const { decode } = await started(loaded);
    const whole = essentials(bytes, chunks);
    try {
      const { data, width, height } = decode(whole);
      return { data: new Uint8Array(data.buffer, data.byteOffset, data.length), width, height };
    } catch {
      throw new BrokenPicture("its image data is damaged"); // the package's own words name its functions
    }
  },
};

/** Portable Network Graphics (W3C, third edition): any colour type and depth, interlaced or not; of APNG the still image. */
export const png: PictureFormat = {
  name: "PNG",
  begins: [...signature],
  look: bytes => {
    const chunks = chunksOf(bytes);
    const control = chunks.find(({ type, data }) => type === "acTL" && data.length === 8);
    return { ...costOf(headerOf(chunks)), frames: control?.data.readUInt32BE() ?? 1, decoder: pngCodec };
  },
};

/** A PNG file of an RGBA picture. */
export async function encodePng({ data, width, height }: Rgba, loaded: unknown): Promise<Result<Uint8Array>> {
  const { encode } = await started(loaded);
  return ok(encode(data, width, height, 8));
}

/** The package's own module of WebAssembly, which it would fetch as a page does. */
interface Codec {
  readonly default: (binary: Uint8Array) => Promise<unknown>;
  readonly decode: (bytes: Uint8Array) => { width: number; height: number; data: Uint8ClampedArray };
  readonly encode: (data: Uint8Array, width: number, height: number, depth: number) => Uint8Array;
}

let starting: Promise<unknown> | null = null;

async function started(loaded: unknown): Promise<Codec> {
  const codec = loaded as Codec;
  starting ??= codec.default(binaryOf(pngPackage, "codec/pkg/squoosh_png_bg.wasm"));
  await starting;
  return codec;
}

interface Chunk {
  readonly type: string;
  readonly data: Buffer;
  /** With its length, type and CRC. */
  readonly all: Buffer;
}

/** Those that pixels depend on, in their order. */
const essential = ["IHDR", "PLTE", "tRNS", "IDAT", "IEND"];

/** These, and how many frames there are. */
function chunksOf(bytes: Buffer): readonly Chunk[] {
  const chunks: Chunk[] = [];
  for (let at = signature.length; ; ) {
    if (at + 12 > bytes.length)
      throw new BrokenPicture(`the file ends after ${bytes.length} bytes, before its end chunk`);
    const length = bytes.readUInt32BE(at);
    const type = bytes.toString("latin1", at + 4, at + 8);
    const end = at + 12 + length;
    if (end > bytes.length)
      throw new BrokenPicture(`a chunk of ${length} bytes begins at ${at}, and the file has ${bytes.length}`);
    if (essential.includes(type) && crc32(bytes.subarray(at + 4, end - 4)) !== bytes.readUInt32BE(end - 4))
      throw new BrokenPicture(`the checksum of chunk ${type} at ${at} is wrong`);
    if (essential.includes(type) || type === "acTL")
      chunks.push({ type, data: bytes.subarray(at + 8, end - 4), all: bytes.subarray(at, end) });
    if (type === "IEND") return chunks;
    at = end;
  }
}

/** The file without what no pixel depends on, such as compressed texts and profiles, in the same memory. */
function essentials(bytes: Buffer, chunks: readonly Chunk[]): Buffer {
  let length = signature.length;
  for (const { type, all } of chunks)
    if (essential.includes(type)) {
      bytes.copyWithin(length, all.byteOffset - bytes.byteOffset, all.byteOffset - bytes.byteOffset + all.length);
      length += all.length;
    }
  return bytes.subarray(0, length);
}

interface Header {
  readonly width: number;
  readonly height: number;
  readonly bitsPerPixel: number;
  readonly interlaced: boolean;
}

/** Samples of a pixel and the depths it may have, by colour type. */
const colourTypes: Readonly<Record<number, { readonly samples: number; readonly depths: readonly number[] }>> = {
  0: { samples: 1, depths: [1, 2, 4, 8, 16] },
  2: { samples: 3, depths: [8, 16] },
  3: { samples: 1, depths: [1, 2, 4, 8] },
  4: { samples: 2, depths: [8, 16] },
  6: { samples: 4, depths: [8, 16] },
};

function headerOf([first]: readonly Chunk[]): Header {
  if (first?.type !== "IHDR" || first.data.length !== 13) throw new BrokenPicture("it does not begin with a header");
  const [width, height] = [first.data.readUInt32BE(0), first.data.readUInt32BE(4)];
  const [depth = 0, colour = 0, compression, filter, interlace = 0] = first.data.subarray(8);
  const found = colourTypes[colour];
  if (!found?.depths.includes(depth))
    throw new BrokenPicture(`colour type ${colour} with ${depth} bits is none of PNG`);
  if (width === 0 || height === 0) throw new BrokenPicture(`it has ${width}x${height} pixels`);
  if (compression !== 0 || filter !== 0 || interlace > 1) throw new BrokenPicture("its header is none of PNG");
  return { width, height, bitsPerPixel: found.samples * depth, interlaced: interlace === 1 };
}

/** First column and row of each pass of Adam7, and its steps. */
const passes = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** Bytes of the image data once it is inflated: a filter byte and the pixels of each row. */
function inflatedBytes({ width, height, bitsPerPixel, interlaced }: Header): number {
  const rows = (columns: number, count: number): number =>
    columns === 0 ? 0 : count * (1 + Math.ceil((columns * bitsPerPixel) / 8));
  if (!interlaced) return rows(width, height);
  return passes.reduce(
    (sum, [x, y, dx, dy]) =>
      sum + rows(Math.ceil(Math.max(0, width - x) / dx), Math.ceil(Math.max(0, height - y) / dy)),
    0,
  );
}

const costOf = (header: Header): Cost => ({
  width: header.width,
  height: header.height,
  bytes: inflatedBytes(header) + rgbaBytes(header.width, header.height),
  scans: 1,
});

/** Inflates the image data without keeping it: it has to be as long as the header says, and no longer. */
async function checkImageData(chunks: readonly Chunk[], header: Header): Promise<void> {
  const expected = inflatedBytes(header);
  const inflate = createInflate();
  const packed = chunks.filter(({ type }) => type === "IDAT").map(({ data }) => data);
  let length = 0;
  try {
    for await (const part of Readable.from(packed).pipe(inflate)) {
      length += (part as Buffer).length;
      if (length > expected) break;
    }
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code !== "Z_BUF_ERROR") throw new BrokenPicture(`its image data is damaged after ${length} bytes`);
  } finally {
    inflate.destroy();
  }
  if (length !== expected)
    throw new BrokenPicture(
      length < expected
        ? `its image data ends after ${length} of ${expected} bytes`
        : `its image data goes on after its ${expected} bytes`,
    );
}
