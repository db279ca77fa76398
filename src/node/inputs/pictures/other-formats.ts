import type { PictureFormat } from "./format.ts";

type Begins = PictureFormat["begins"];

/** Whether a file begins so; null is any byte. */
export const beginsWith = (bytes: Uint8Array, begins: Begins): boolean =>
  begins.every((byte, i) => byte === null || bytes[i] === byte);

const text = (words: string): Begins => [...Buffer.from(words, "latin1")];
const box = (brand: string): Begins => [null, null, null, null, ...text(`ftyp${brand}`)];

/** What people take for a picture that is read, by its first bytes. */
const others: readonly (readonly [begins: Begins, name: string])[] = [
  [text("GIF8"), "a GIF"],
  [text("II*\0"), "a TIFF"],
  [text("MM\0*"), "a TIFF"],
  [text("BM"), "a BMP"],
  [box("avi"), "an AVIF image"],
  [box("hei"), "a HEIC image"],
  [box("mif1"), "a HEIF image"],
  [text("\xff\x0a"), "a JPEG XL image"],
  [text("\0\0\0\x0cJXL "), "a JPEG XL image"],
  [text("\0\0\0\x0cjP  "), "a JPEG 2000 image"],
  [text("8BPS"), "a Photoshop document"],
  [text("%PDF"), "a PDF"],
  [text("<svg"), "an SVG"],
  [text("<?xml"), "XML"],
  [text("<!"), "a page of HTML"],
  [text("<html"), "a page of HTML"],
  [text("version https://git-lfs"), "a pointer to a file that Git LFS keeps"],
];

/** What a file is that is no picture to be read, or null where that is not known. */
export function otherFormat(bytes: Uint8Array): string | null {
  if (bytes.length === 0) return "empty";
  return others.find(([begins]) => beginsWith(bytes, begins))?.[1] ?? null;
}
