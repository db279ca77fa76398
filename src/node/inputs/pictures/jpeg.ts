import { BrokenPicture, type Look, type PictureFormat, rgbaBytes } from "./format.ts";
import { jpegJs, mozjpeg } from "./jpeg-decoders.ts";

/** JPEG (ITU T.81), baseline and progressive: grey, colour, and the four inks of print. */
export const jpeg: PictureFormat = { name: "JPEG", begins: [0xff, 0xd8, 0xff], look };

/** Frames are markers C0 to CF, but for three that are none: tables of Huffman and arithmetic codes, and a reserved one. */
const isFrame = (marker: number): boolean => (marker & 0xf0) === 0xc0 && ![0xc4, 0xc8, 0xcc].includes(marker);
const scanBegins = 0xda;
const endOfImage = 0xd9;

/** Goes from marker to marker: the frame's size, how many scans there are, and that the file has its end. */
function look(bytes: Buffer): Look {
  let frame: Frame | null = null;
  let scans = 0;
  for (let at = 2; ; ) {
    while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at++; // fill bytes
    if (at + 1 >= bytes.length)
      throw new BrokenPicture(`the file ends after ${bytes.length} bytes, before its end marker`);
    const marker = bytes[at + 1] ?? 0;
    if (bytes[at] !== 0xff || marker === 0) throw new BrokenPicture(`there is no marker at byte ${at}`);
    if (marker === endOfImage) break;
    if (at + 4 > bytes.length)
      throw new BrokenPicture(`the file ends after ${bytes.length} bytes, before its end marker`);
    const end = at + 2 + bytes.readUInt16BE(at + 2);
    if (end > bytes.length) throw new BrokenPicture(`a segment begins at byte ${at} and ends behind the file`);
    if (isFrame(marker)) {
      if (frame !== null) throw new BrokenPicture("it has two frames");
      frame = frameOf(bytes.subarray(at + 4, end));
    }
    at = end;
    if (marker !== scanBegins) continue;
    scans++;
    while (at + 1 < bytes.length && !(bytes[at] === 0xff && isMarker(bytes[at + 1] ?? 0))) at++;
  }
  if (frame === null || scans === 0) throw new BrokenPicture("it has no picture");
  const { width, height, components, blocks } = frame;
  const pixels = rgbaBytes(width, height);
  // Of inks each block is an array of its own, 640 bytes as measured, until it is samples.
  if (components === 4) return { width, height, scans, frames: 1, bytes: blocks * 640 + pixels / 2, decoder: jpegJs };
  // Where there are several scans, 64 coefficients of 16 bits are held of each block.
  return { width, height, scans, frames: 1, bytes: pixels + (scans > 1 ? blocks * 128 : 0), decoder: mozjpeg };
}

/** Within a scan, FF is followed by 00 where it is data, and by D0 to D7 where decoding may begin anew. */
const isMarker = (byte: number): boolean => byte !== 0 && byte !== 0xff && !(byte >= 0xd0 && byte <= 0xd7);

interface Frame {
  readonly width: number;
  readonly height: number;
  readonly components: number;
  /** Blocks of 8 x 8 samples, of all components. */
  readonly blocks: number;
}

function frameOf(segment: Buffer): Frame {
  if (segment.length < 6) throw new BrokenPicture("its frame is too short");
  const [height, width, count = 0] = [segment.readUInt16BE(1), segment.readUInt16BE(3), segment[5]];
  if (width === 0 || height === 0) throw new BrokenPicture(`it has ${width}x${height} pixels`);
  if (segment.length < 6 + 3 * count || count === 0) throw new BrokenPicture("its frame is too short");
  const sampling = Array.from({ length: count }, (_, i) => segment[7 + 3 * i] ?? 0).map(both => [both >> 4, both & 15]);
  if (sampling.flat().some(factor => factor < 1 || factor > 4)) throw new BrokenPicture("its sampling is none of JPEG");
  const [across, down] = [0, 1].map(i => Math.max(...sampling.map(factors => factors[i] ?? 1))) as [number, number];
  const units = Math.ceil(width / (8 * across)) * Math.ceil(height / (8 * down));
  return { width, height, components: count, blocks: units * sampling.reduce((sum, [h = 1, v = 1]) => sum + h * v, 0) };
}
