import type { Diagnostic, FilePlace } from "../../../diagnostics/diagnostic.ts";
import { error } from "../../../diagnostics/messages.ts";

/** Eight bits a channel, interleaved, row by row. */
export interface Rgba {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** What decoding a file would take, known from its structure alone. */
export interface Cost {
  readonly width: number;
  readonly height: number;
  /** Memory that is held at once. */
  readonly bytes: number;
  /** How often the whole picture is gone through. */
  readonly scans: number;
}

export interface PictureFormat {
  readonly name: string;
  /** Most memory that decoding may take, in bytes. */
  readonly mostBytes: number;
  /** Its first bytes; null is any byte. */
  readonly begins: readonly (number | null)[];
  /** The npm package that decodes it, an optional peer, and which of its modules does. */
  readonly package: string;
  readonly module?: string;
  /** Throws a `BrokenPicture` where the file is not whole. */
  readonly look: (bytes: Buffer) => Cost;
  /** The same, and may throw what the package throws. */
  readonly decode: (bytes: Buffer, loaded: unknown) => Rgba | Promise<Rgba>;
}

/** Why a file is no picture, in a few words. */
export class BrokenPicture extends Error {}

const million = 1e6;
const most = { pixels: 40 * million, visits: 400 * million } as const;

/** Why a picture is too much to be decoded, or null. */
export function tooMuch(
  { width, height, bytes, scans }: Cost,
  { mostBytes }: Pick<PictureFormat, "mostBytes">,
  place: FilePlace,
): Diagnostic | null {
  if (width * height > most.pixels)
    return error("image-too-large", place, `${width}x${height} pixels`, `${most.pixels / million} million`);
  if (bytes > mostBytes)
    return error(
      "image-too-large",
      place,
      `${width}x${height} pixels that take ${Math.ceil(bytes / million)} MB to decode`,
      `${mostBytes / million} MB`,
    );
  const visits = width * height * scans;
  if (visits <= most.visits) return null;
  const what = `${width}x${height} pixels in ${scans} scans, ${Math.ceil(visits / million)} million in all`;
  return error("image-too-large", place, what, `${most.visits / million} million`);
}

/** What decoders reckon with: the picture in RGBA, where it is made and where it is handed on. */
export const rgbaBytes = (width: number, height: number): number => 2 * 4 * width * height;
