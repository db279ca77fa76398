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
  /** Memory that the decoder holds at once, beside the file. */
  readonly bytes: number;
  /** How often the whole picture is gone through. */
  readonly scans: number;
}

export interface PictureFormat {
  readonly name: string;
  /** Its first bytes; null is any byte. */
  readonly begins: readonly (number | null)[];
  /** Throws a `BrokenPicture` where the file is not whole. */
  readonly look: (bytes: Buffer) => Look;
}

/** What is known of a file before anything is decoded. */
export interface Look extends Cost {
  readonly decoder: Decoder;
  /** How many pictures it has, of which the first is read. */
  readonly frames: number;
}

export interface Decoder {
  /** The npm package that decodes, an optional peer, and which of its modules does. */
  readonly package: string;
  readonly module?: string;
  /** Throws a `BrokenPicture` where the file is not whole, or what the package throws. The bytes are its to change. */
  readonly decode: (bytes: Buffer, loaded: unknown) => Rgba | Promise<Rgba>;
}

/** Why a file is no picture, in a few words. */
export class BrokenPicture extends Error {}

const million = 1e6;
/** 50 megapixels of phones are 8192x6144, and a process has about 100 MB before it decodes. */
const most = { pixels: 64 * million, visits: 800 * million, bytes: 900 * million } as const;

/** Why a picture is too much to be decoded, or null. Its file is held twice, by the decoder too. */
export function tooMuch({ width, height, scans, bytes }: Cost, file: number, place: FilePlace): Diagnostic | null {
  if (width * height > most.pixels)
    return error("image-too-large", place, `${width}x${height} pixels`, `${most.pixels / million} million`);
  const memory = bytes + 2 * file;
  if (memory > most.bytes)
    return error(
      "image-too-large",
      place,
      `${width}x${height} pixels that take ${Math.ceil(memory / million)} MB to decode`,
      `${most.bytes / million} MB`,
    );
  const visits = width * height * scans;
  if (visits <= most.visits) return null;
  const what = `${width}x${height} pixels in ${scans} scans, ${Math.ceil(visits / million)} million in all`;
  return error("image-too-large", place, what, `${most.visits / million} million`);
}

/** What decoders reckon with: the picture in RGBA, where it is made and where it is handed on. */
export const rgbaBytes = (width: number, height: number): number => 2 * 4 * width * height;
