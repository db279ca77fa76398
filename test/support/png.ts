import { createRequire } from "node:module";

export interface Rgba {
  readonly width: number;
  readonly height: number;
  readonly data: Buffer;
}

/** npm `pngjs`, which has no types. */
const { PNG } = createRequire(import.meta.url)("pngjs") as {
  readonly PNG: { readonly sync: { read(bytes: Uint8Array): Rgba; write(picture: Rgba): Buffer } };
};

export const readPng = (bytes: Uint8Array): Rgba => PNG.sync.read(bytes);
export const writePng = (picture: Rgba): Buffer => PNG.sync.write(picture);
