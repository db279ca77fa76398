import { BrokenPicture, type Decoder, type Look, type PictureFormat, type Rgba } from "./format.ts";
import { binaryOf, keptInstance } from "./instance.ts";

interface JsquashWebp {
  readonly init: (options: { readonly wasmBinary: Uint8Array }) => Promise<void>;
  readonly default: (bytes: Uint8Array) => Promise<Omit<Rgba, "data"> & { readonly data: Uint8ClampedArray }>;
}

const webpPackage = "@jsquash/webp";

const instance = keptInstance(({ init }: JsquashWebp) =>
  init({ wasmBinary: binaryOf(webpPackage, "codec/dec/webp_dec.wasm") }),
);

const packageModule = { package: webpPackage, module: "decode.js" } as const;

const still: Decoder = {
  ...packageModule,
  decode: async (bytes, loaded) => {
    const codec = loaded as JsquashWebp;
    const { data, width, height } = await instance(codec, () => codec.default(bytes));
    return { data: new Uint8Array(data.buffer, data.byteOffset, data.length), width, height };
  },
};

/** The first frame, on a canvas that is transparent. */
const animated: Decoder = {
  ...packageModule,
  decode: async (bytes, loaded) => {
    const [width, height] = sizes.VP8X(bytes);
    const frame = chunksOf(bytes).find(({ type }) => type === frameChunk)?.data ?? bytes.subarray(0, 0);
    if (frame.length < 24) throw new BrokenPicture("its first frame is too short");
    const [left, top] = [2 * frame.readUIntLE(0, 3), 2 * frame.readUIntLE(3, 3)];
    const picture = await still.decode(stillOf(frame), loaded);
    if (left + picture.width > width || top + picture.height > height)
      throw new BrokenPicture("its first frame lies outside of it");
    const data = new Uint8Array(4 * width * height);
    for (let row = 0; row < picture.height; row++) {
      const from = 4 * row * picture.width;
      data.set(picture.data.subarray(from, from + 4 * picture.width), 4 * ((top + row) * width + left));
    }
    return { width, height, data };
  },
};

/** A file of one frame: it has position, size, duration and flags in 16 bytes, then the chunks of a picture. */
function stillOf(frame: Buffer): Buffer {
  const header = Buffer.alloc(30);
  header.write("RIFF", 0, "latin1");
  header.writeUInt32LE(header.length - 8 + frame.length - 16, 4);
  header.write("WEBPVP8X", 8, "latin1");
  header.writeUInt32LE(10, 16);
  header.writeUInt8(0x10, 20); // it may be transparent
  frame.copy(header, 24, 6, 12); // width and height, less one
  return Buffer.concat([header, frame.subarray(16)]);
}

const frameChunk = "ANMF";
const isAnimated = (bytes: Buffer): boolean => ((bytes[20] ?? 0) & 2) !== 0;

/** WebP (RFC 9649), lossy and lossless, with or without transparency; of an animation the first frame. */
export const webp: PictureFormat = {
  name: "WebP",
  begins: [...Buffer.from("RIFF"), null, null, null, null, ...Buffer.from("WEBP")],
  look,
};

/** Width and height from the first chunk, which begins at 20 after its name and length; and that the file is whole. */
function look(bytes: Buffer): Look {
  const first = bytes.toString("latin1", 12, 16);
  if (!isFirst(first)) throw new BrokenPicture("it does not begin with a picture");
  if (bytes.length < 30) throw new BrokenPicture(`the file ends after ${bytes.length} bytes`);
  const whole = 8 + bytes.readUInt32LE(4);
  if (whole > bytes.length) throw new BrokenPicture(`the file ends after ${bytes.length} of ${whole} bytes`);
  const [width, height] = sizes[first](bytes);
  // Twice in RGBA, and once more, a quarter over, as whole numbers of what is stored without loss: measured.
  const cost = { width, height, scans: 1, bytes: 13 * width * height };
  if (first !== "VP8X" || !isAnimated(bytes)) return { ...cost, frames: 1, decoder: still };
  const frames = chunksOf(bytes).filter(({ type }) => type === frameChunk).length;
  return { ...cost, frames, decoder: animated };
}

interface Chunk {
  readonly type: string;
  readonly data: Buffer;
}

/** Each begins at an even place. */
function chunksOf(bytes: Buffer): readonly Chunk[] {
  const chunks: Chunk[] = [];
  for (let at = 12; at + 8 <= bytes.length; ) {
    const begin = at + 8;
    const end = begin + bytes.readUInt32LE(at + 4);
    chunks.push({ type: bytes.toString("latin1", at, at + 4), data: bytes.subarray(begin, end) });
    at = end + (end % 2);
  }
  return chunks;
}

const isFirst = (type: string): type is keyof typeof sizes => Object.hasOwn(sizes, type);

const sizes = {
  // A key frame: three bytes of a tag, three of a start code, then 14 bits each.
  "VP8 ": bytes => [bytes.readUInt16LE(26) & 0x3fff, bytes.readUInt16LE(28) & 0x3fff],
  // A byte of a signature, then 14 bits each, less one.
  VP8L: bytes => {
    const bits = bytes.readUInt32LE(21);
    return [(bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1];
  },
  // Four bytes of flags, then 24 bits each, less one.
  VP8X: bytes => [bytes.readUIntLE(24, 3) + 1, bytes.readUIntLE(27, 3) + 1],
} as const satisfies Record<string, (bytes: Buffer) => readonly [width: number, height: number]>;
