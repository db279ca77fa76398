import type { Model, Preprocess } from "../model/model.ts";

/** Eight bits a channel, interleaved, row by row: 1 channel is grey, 3 are RGB, 4 are RGB and alpha. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Uint8Array;
}

/** How pixels of RGBA become so many channels. Transparency is laid over white where it is not a channel. */
const fromRgba: Readonly<Record<1 | 3 | 4, (rgba: Uint8Array, to: Uint8Array) => void>> = {
  1: (rgba, to) => {
    for (let i = 0, at = 0; i < to.length; i++, at += 4) {
      const red = overWhite(rgba, at, 0);
      const green = overWhite(rgba, at, 1);
      const blue = overWhite(rgba, at, 2);
      to[i] = Math.round(luma[0] * red + luma[1] * green + luma[2] * blue);
    }
  },
  3: (rgba, to) => {
    for (let i = 0, at = 0; i < to.length; i += 3, at += 4) {
      // Before any is written: the first pixel lies where it becomes one. Names, since an array a pixel takes a second.
      const red = Math.round(overWhite(rgba, at, 0));
      const green = Math.round(overWhite(rgba, at, 1));
      const blue = Math.round(overWhite(rgba, at, 2));
      to[i] = red;
      to[i + 1] = green;
      to[i + 2] = blue;
    }
  },
  4: (rgba, to) => to.set(rgba),
};

/** ITU-R 601, as Pillow turns RGB to grey. */
const luma = [0.299, 0.587, 0.114] as const;

/** A channel of the pixel that begins at `at`. */
const overWhite = (rgba: Uint8Array, at: number, channel: number): number =>
  255 + (((rgba[at + channel] as number) - 255) * (rgba[at + 3] as number)) / 255;

/** What pictures are made for, or made of. */
export type Receiver = Pick<Model, "input" | "preprocess">;

/** In how many channels a picture is read. */
export type PictureChannels = keyof typeof fromRgba;

/** The picture of `width * height` pixels of RGBA, in whose memory it is made: they are gone then. */
export function pictureOf(rgba: Uint8Array, width: number, height: number, channels: PictureChannels): Picture {
  const data = rgba.subarray(0, width * height * channels); // no value is written before its pixel has been read
  fromRgba[channels](rgba.subarray(0, 4 * width * height), data);
  return { width, height, channels, data };
}

/** In how many channels a picture is read for a model, or null where it takes none. */
export function channelsRead({ input, preprocess: { bands } }: Receiver): PictureChannels | null {
  if (bands === null) return input.channels === 1 ? 1 : null;
  return bands.includes(3) ? 4 : 3;
}

/** A picture as the model takes it: planes, of the bands that it wants, normalised. */
export function toPlanes({ width, height, channels, data }: Picture, { bands, mean, std }: Preprocess): Float32Array {
  const size = width * height;
  const planes = new Float32Array(mean.length * size);
  for (const [c, centre] of mean.entries()) {
    const [band, deviation] = [bands?.[c] ?? c, std[c] ?? 1];
    for (let i = 0; i < size; i++) planes[c * size + i] = ((data[i * channels + band] ?? 0) / 255 - centre) / deviation;
  }
  return planes;
}

/** Planes of rows of so many pixels, left to right, in their place. */
export function mirror(planes: Float32Array, width: number): void {
  for (let at = 0; at < planes.length; at += width) planes.subarray(at, at + width).reverse();
}

/** Pictures of one size as `pixel_values` [N, C, H, W]. */
export function toBatch(pictures: readonly Picture[], preprocess: Preprocess): Float32Array {
  const { width, height } = pictures[0] ?? { width: 0, height: 0 };
  const size = preprocess.mean.length * width * height;
  const batch = new Float32Array(pictures.length * size);
  for (const [n, picture] of pictures.entries()) batch.set(toPlanes(picture, preprocess), n * size);
  return batch;
}

/** Planes of the model as a picture to be looked at, of the channels it shows; what is out of range becomes black or full. */
export function toPicture(
  planes: Float32Array,
  { input: { width, height }, preprocess: { display, mean, std } }: Receiver,
): Picture {
  const [size, channels] = [width * height, display.length];
  const data = new Uint8Array(channels * size);
  for (const [d, c] of display.entries())
    for (let i = 0; i < size; i++) {
      const value = (planes[c * size + i] ?? 0) * (std[c] ?? 1) + (mean[c] ?? 0);
      data[i * channels + d] = Math.round(255 * Math.min(1, Math.max(0, value)));
    }
  return { width, height, channels, data };
}

/** What a model sees of a picture, to be looked at. */
export const asSeen = (picture: Picture, model: Receiver): Picture =>
  toPicture(toPlanes(picture, model.preprocess), model);

/** For writing: four channels, whatever it has. */
export function toRgba({ width, height, channels, data }: Picture): Uint8Array {
  const rgba = new Uint8Array(4 * width * height).fill(255);
  for (let i = 0; i < width * height; i++)
    for (let c = 0; c < Math.max(3, channels); c++)
      rgba[4 * i + c] = data[i * channels + (channels === 1 ? 0 : c)] ?? 0;
  return rgba;
}
