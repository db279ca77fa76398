import { type Diagnostic, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { type DiagnosticCode, error, warning, withNote } from "../../diagnostics/messages.ts";
import type { Model } from "../../model/model.ts";
import { fitPicture } from "../../preprocess/fit.ts";
import { channelsRead, type Picture, type PictureChannels, pictureOf, toRgba } from "../../preprocess/picture.ts";
import { readBeginning, readFileWithin } from "../files/read.ts";
import { howToInstall, importPackage } from "../process/packages.ts";
import { BrokenPicture, type Decoder, type PictureFormat, tooMuch } from "./pictures/format.ts";
import { jpeg } from "./pictures/jpeg.ts";
import { beginsWith, otherFormat } from "./pictures/other-formats.ts";
import { encodePng, png, pngCodec } from "./pictures/png.ts";
import { webp } from "./pictures/webp.ts";

const maxBytes = 128 * 1024 * 1024;

const formats: readonly PictureFormat[] = [png, webp, jpeg];

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
  const format = formats.find(({ begins }) => beginsWith(bytes.value, begins));
  if (format === undefined) return fail(error("image-format", place, otherFormat(bytes.value)));
  const contents = Buffer.from(bytes.value.buffer, bytes.value.byteOffset, bytes.value.length);
  try {
    const look = format.look(contents);
    const problem = tooMuch(look, contents.length, place);
    if (problem !== null) return fail(problem);
    const { decoder, frames } = look;
    const loaded = await loadPackage(decoder, `reading ${format.name} images`);
    if (!loaded.ok) return loaded;
    const { data, width, height } = await decoder.decode(contents, loaded.value);
    if (data.length !== 4 * width * height) throw new BrokenPicture("its decoder gave too few pixels");
    const said = frames > 1 ? [warning("image-frames", place, frames)] : [];
    return ok(pictureOf(data, width, height, channels), said);
  } catch (cause) {
    return fail(error("image-broken", place, reasonOf(cause)));
  }
}

/** An image in a model's size. A side of less than `least` pixels is refused. */
export async function readFitted(
  file: string,
  model: Pick<Model, "input" | "preprocess" | "name">,
  least = 1,
): Promise<Result<Picture>> {
  const channels = channelsRead(model);
  if (channels === null) return fail(error("no-picture-channels", null, model.name, model.input.channels));
  const picture = await readPicture(file, channels);
  if (!picture.ok) return picture;
  const { width, height } = picture.value;
  if (Math.min(width, height) < least)
    return fail(error("image-too-small", { file, offset: null }, width, height, least));
  return ok(fitPicture(picture.value, model), picture.diagnostics);
}

/** Why a file is no picture, by its first bytes alone; null where nothing is wrong with these. */
export function pictureProblem(file: string): Diagnostic | null {
  const bytes = readBeginning(file, 64);
  if (!bytes.ok) return bytes.diagnostics[0] ?? null;
  const known = formats.some(({ begins }) => beginsWith(bytes.value, begins));
  return known ? null : error("image-format", { file, offset: null }, otherFormat(bytes.value));
}

/** Why one picture cannot be read. Anything else that is wrong is so with all of them. */
export const ofOnePicture: ReadonlySet<DiagnosticCode> = new Set<DiagnosticCode>([
  "image-format",
  "image-broken",
  "image-too-large",
  "image-changed",
  "file-not-found",
  "not-a-file",
  "permission-denied",
]);

/** A PNG file. */
export async function pngOf(picture: Picture): Promise<Result<Uint8Array>> {
  const loaded = await loadPackage(pngCodec, "writing PNG images");
  if (!loaded.ok) return loaded;
  const { width, height } = picture;
  return encodePng({ width, height, data: toRgba(picture) }, loaded.value);
}

/** Packages that were found: looking for one takes as long as decoding a small picture. */
const found = new Map<string, unknown>();

type Package = Pick<Decoder, "package" | "module">;

async function loadPackage({ package: name, module }: Package, purpose: string): Promise<Result<unknown>> {
  if (found.has(name)) return ok(found.get(name));
  try {
    const loaded = (await importPackage(name, module)) as { readonly default?: unknown } | null;
    if (loaded === null) return fail(missing(name, purpose));
    found.set(name, module === undefined ? (loaded.default ?? loaded) : loaded);
    return ok(found.get(name));
  } catch (cause) {
    return fail(error("tool-failed", null, `npm package ${name}`, reasonOf(cause)));
  }
}

const missing = (name: string, purpose: string): Diagnostic =>
  withNote(
    error("missing-tool", null, `the npm package ${name}`, purpose, howToInstall(name)),
    "it is optional, since compiling needs no images",
  );

const reasonOf = (cause: unknown): string =>
  cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : String(cause);
