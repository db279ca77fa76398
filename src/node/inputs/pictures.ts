import { readFileSync } from "node:fs";
import { inflateSync } from "node:zlib";
import { type Diagnostic, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error, withNote } from "../../diagnostics/messages.ts";
import type { Model } from "../../model/model.ts";
import { fitPicture } from "../../preprocess/fit.ts";
import { isPictureChannels, type Picture, type PictureChannels, pictureOf, toRgba } from "../../preprocess/picture.ts";
import { readFileWithin } from "../files/read.ts";
import { howToInstall, importPackage, packageFile } from "../process/packages.ts";
import { progress } from "../process/progress.ts";
import { webpSize } from "./webp-size.ts";

const maxBytes = 64 * 1024 * 1024;
const maxMegapixels = 40;

interface Rgba {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** The parts of the npm packages that decode which are used here. */
interface Pngjs {
  readonly PNG: {
    readonly sync: {
      read(bytes: Buffer): Rgba;
      write(picture: Rgba & { readonly data: Buffer }): Buffer;
    };
  };
}
interface JpegJs {
  decode(bytes: Uint8Array, options: object): Rgba;
}
interface JsquashWebp {
  readonly init: (options: { readonly wasmBinary: Uint8Array }) => Promise<void>;
  readonly default: (bytes: Uint8Array) => Promise<Omit<Rgba, "data"> & { readonly data: Uint8ClampedArray }>;
}

/**
 * What a file can be, by its first bytes (null is any byte), and how it is decoded. Each `decode` may throw what its
 * package throws.
 */
const formats: readonly {
  readonly name: string;
  readonly begins: readonly (number | null)[];
  readonly package: PackageName;
  /** The module of the package that decodes, where that is not its main one. */
  readonly module?: string;
  readonly decode: (bytes: Buffer, loaded: unknown) => Rgba | Promise<Rgba>;
}[] = [
  { name: "PNG", begins: [0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10], package: "pngjs", decode: decodePng },
  {
    name: "WebP",
    begins: [...Buffer.from("RIFF"), null, null, null, null, ...Buffer.from("WEBP")],
    package: "@jsquash/webp",
    module: "decode.js",
    decode: decodeWebp,
  },
  {
    name: "JPEG",
    begins: [0xff, 0xd8, 0xff],
    package: "jpeg-js",
    decode: (bytes, loaded) =>
      (loaded as JpegJs).decode(bytes, {
        useTArray: true,
        formatAsRGBA: true,
        tolerantDecoding: false,
        maxResolutionInMP: maxMegapixels,
        maxMemoryUsageInMB: 1024,
      }),
  },
];

/**
 * A picture out of a PNG, JPEG or WebP file, in so many channels. Pixels stand as the file has them: an orientation that
 * EXIF asks for is ignored, as torchvision's loader does. The packages that decode are optional peers.
 */
export async function readPicture(file: string, channels: PictureChannels): Promise<Result<Picture>> {
  const place = { file, offset: null };
  const megabytes = (size: number) => `${Math.ceil(size / 1024 / 1024)} MiB`;
  const bytes = readFileWithin(file, maxBytes, size =>
    error("image-too-large", place, megabytes(size), megabytes(maxBytes)),
  );
  if (!bytes.ok) return bytes;
  const format = formats.find(({ begins }) => begins.every((byte, i) => byte === null || bytes.value[i] === byte));
  if (format === undefined) return fail(error("image-format", place));
  const loaded = await loadPackage(format.package, `reading ${format.name} images`, format.module);
  if (!loaded.ok) return loaded;
  try {
    const { data, width, height } = await format.decode(Buffer.from(bytes.value), loaded.value);
    return ok(pictureOf(data, width, height, channels));
  } catch (cause) {
    if (cause instanceof TooLarge)
      return fail(error("image-too-large", place, cause.message, `${maxMegapixels} million`));
    return fail(error("image-broken", place, reasonOf(cause)));
  }
}

/** Images in a model's size. A side of less than `least` pixels is refused. */
export async function readFitted(
  files: readonly string[],
  { input, name }: Pick<Model, "input" | "name">,
  least = 1,
): Promise<Result<readonly Picture[]>> {
  const { channels } = input;
  if (!isPictureChannels(channels)) return fail(error("no-picture-channels", null, name, channels));
  const pictures: Picture[] = [];
  for (const file of files) {
    const picture = await readPicture(file, channels);
    if (!picture.ok) return picture;
    const { width, height } = picture.value;
    if (Math.min(width, height) < least)
      return fail(error("image-too-small", { file, offset: null }, width, height, least));
    pictures.push(fitPicture(picture.value, input));
    if (pictures.length % 50 === 0) progress(`${pictures.length} of ${files.length} images read`);
  }
  return ok(pictures);
}

/** A PNG file. */
export async function pngOf(picture: Picture): Promise<Result<Uint8Array>> {
  const loaded = await loadPackage("pngjs", "writing PNG images");
  if (!loaded.ok) return loaded;
  const { width, height } = picture;
  const { PNG } = loaded.value as Pngjs;
  return ok(PNG.sync.write({ width, height, data: Buffer.from(toRgba(picture).buffer) }));
}

class TooLarge extends Error {}

function checkPixels(width: number, height: number): void {
  if (width * height > maxMegapixels * 1e6) throw new TooLarge(`${width}x${height} pixels`);
}

/** Sizes are looked at before anything is allocated for them, and a compressed stream before it is let loose. */
function decodePng(bytes: Buffer, loaded: unknown): Rgba {
  const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  checkPixels(width, height);
  // At most eight bytes a pixel and one a row, of which the seven passes of an interlaced image have two a row.
  inflateSync(imageData(bytes), { maxOutputLength: 8 * width * height + 2 * height + 8 });
  return (loaded as Pngjs).PNG.sync.read(bytes);
}

/** What the IDAT chunks hold together. */
function imageData(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 8; at + 8 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    if (bytes.toString("latin1", at + 4, at + 8) === "IDAT") parts.push(bytes.subarray(at + 8, at + 8 + length));
    at += length + 12;
  }
  return Buffer.concat(parts);
}

/** The package would fetch its decoder from where its own module lies, which a file's address does not allow. */
async function decodeWebp(bytes: Buffer, loaded: unknown): Promise<Rgba> {
  checkPixels(...webpSize(bytes));
  const { init, default: decode } = loaded as JsquashWebp;
  const decoder = packageFile("@jsquash/webp", "codec/dec/webp_dec.wasm");
  if (decoder === null) throw new Error("@jsquash/webp has no decoder");
  await init({ wasmBinary: readFileSync(decoder) });
  const { data, width, height } = await decode(bytes);
  return { data: new Uint8Array(data.buffer, data.byteOffset, data.length), width, height };
}

type PackageName = "pngjs" | "jpeg-js" | "@jsquash/webp";

async function loadPackage(name: PackageName, purpose: string, module?: string): Promise<Result<unknown>> {
  try {
    const loaded = (await importPackage(name, module)) as { readonly default?: unknown } | null;
    if (loaded === null) return fail(missing(name, purpose));
    return ok(module === undefined ? (loaded.default ?? loaded) : loaded);
  } catch (cause) {
    return fail(error("tool-failed", null, `npm package ${name}`, reasonOf(cause)));
  }
}

const missing = (name: PackageName, purpose: string): Diagnostic =>
  withNote(
    error("missing-tool", null, `the npm package ${name}`, purpose, howToInstall(name)),
    "it is optional, since compiling needs no images",
  );

const reasonOf = (cause: unknown): string =>
  cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : String(cause);
