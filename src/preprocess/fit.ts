import { placement } from "./geometry.ts";
import type { Picture, Receiver } from "./picture.ts";
import type { Box } from "./random-crop.ts";
import { resample } from "./resample.ts";

/** A picture in a model's size: resized and its middle cut out, as the model says. */
export const fitPicture = (picture: Picture, { input, preprocess }: Receiver): Picture => {
  const { height, width } = input;
  const to = { height, width };
  return resample(picture, placement(picture, to, preprocess.resize), to, preprocess.interpolation);
};

/** A part of a picture in a model's size, resized by the same filter, whatever that makes of its sides. */
export const fitBox = (picture: Picture, box: Box, { input: { height, width }, preprocess }: Receiver): Picture =>
  resample(
    cut(picture, box),
    { resized: { height, width }, left: 0, top: 0 },
    { height, width },
    preprocess.interpolation,
  );

function cut({ width, channels, data }: Picture, box: Box): Picture {
  const row = box.width * channels;
  const part = new Uint8Array(box.height * row);
  for (let y = 0; y < box.height; y++) {
    const from = ((box.top + y) * width + box.left) * channels;
    part.set(data.subarray(from, from + row), y * row);
  }
  return { width: box.width, height: box.height, channels, data: part };
}
