import { placement, type Size } from "./geometry.ts";
import type { Picture } from "./picture.ts";
import type { Box } from "./random-crop.ts";
import { resample } from "./resample.ts";

/** A picture in a model's size, as the published preprocessing has it: resized (bicubic), and below 384 cropped. */
export const fitPicture = (picture: Picture, to: Size): Picture => resample(picture, placement(picture, to), to);

/** A part of a picture in a model's size, resized by the same filter, whatever that makes of its sides. */
export const fitBox = (picture: Picture, box: Box, to: Size): Picture =>
  resample(cut(picture, box), { resized: to, left: 0, top: 0 }, to);

function cut({ width, channels, data }: Picture, box: Box): Picture {
  const row = box.width * channels;
  const part = new Uint8Array(box.height * row);
  for (let y = 0; y < box.height; y++) {
    const from = ((box.top + y) * width + box.left) * channels;
    part.set(data.subarray(from, from + row), y * row);
  }
  return { width: box.width, height: box.height, channels, data: part };
}
