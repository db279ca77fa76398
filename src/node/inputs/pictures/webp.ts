import { readFileSync } from "node:fs";
import { packageFile } from "../../process/packages.ts";
import { BrokenPicture, type Cost, type PictureFormat, type Rgba, rgbaBytes } from "./format.ts";

interface JsquashWebp {
  readonly init: (options: { readonly wasmBinary: Uint8Array }) => Promise<void>;
  readonly default: (bytes: Uint8Array) => Promise<Omit<Rgba, "data"> & { readonly data: Uint8ClampedArray }>;
}

const webpPackage = "@jsquash/webp";

/** WebP (RFC 9649), lossy and lossless, with or without transparency; no animations. */
export const webp: PictureFormat = {
  name: "WebP",
  mostBytes: 512e6,
  begins: [...Buffer.from("RIFF"), null, null, null, null, ...Buffer.from("WEBP")],
  package: webpPackage,
  module: "decode.js",
  look,
  decode: async (bytes, loaded) => {
    const { init, default: decode } = loaded as JsquashWebp;
    started ??= init({ wasmBinary: decoderBinary() });
    await started;
    const { data, width, height } = await decode(bytes);
    return { data: new Uint8Array(data.buffer, data.byteOffset, data.length), width, height };
  },
};

let started: Promise<void> | null = null;

/** The package would fetch it, as a page does. */
function decoderBinary(): Uint8Array {
  const file = packageFile(webpPackage, "codec/dec/webp_dec.wasm");
  if (file === null) throw new Error(`${webpPackage} has no decoder`);
  return readFileSync(file);
}

/** Width and height from the first chunk, which begins at 20 after its name and length; and that the file is whole. */
function look(bytes: Buffer): Cost {
  const read = sizes[bytes.toString("latin1", 12, 16)];
  if (read === undefined) throw new BrokenPicture("it does not begin with a picture");
  if (bytes.length < 30) throw new BrokenPicture(`the file ends after ${bytes.length} bytes`);
  const whole = 8 + bytes.readUInt32LE(4);
  if (whole > bytes.length) throw new BrokenPicture(`the file ends after ${bytes.length} of ${whole} bytes`);
  const [width, height] = read(bytes);
  return { width, height, scans: 1, bytes: 4 * width * height + rgbaBytes(width, height) };
}

const sizes: Readonly<Record<string, (bytes: Buffer) => readonly [width: number, height: number]>> = {
  // A key frame: three bytes of a tag, three of a start code, then 14 bits each.
  "VP8 ": bytes => [bytes.readUInt16LE(26) & 0x3fff, bytes.readUInt16LE(28) & 0x3fff],
  // A byte of a signature, then 14 bits each, less one.
  VP8L: bytes => {
    const bits = bytes.readUInt32LE(21);
    return [(bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1];
  },
  // Four bytes of flags, then 24 bits each, less one.
  VP8X: bytes => [bytes.readUIntLE(24, 3) + 1, bytes.readUIntLE(27, 3) + 1],
};
