import type { Augment, Input } from "../../../model/model.ts";
import { fitBox } from "../../../preprocess/fit.ts";
import { mirror, type Picture, toPlanes } from "../../../preprocess/picture.ts";
import { randomCrop } from "../../../preprocess/random-crop.ts";
import { uniformStream } from "../../../weights/made/streams.ts";

/** How examples become images of a run. */
export interface Showing {
  readonly input: Input;
  readonly augment: Augment;
  readonly seed: number;
}

/**
 * A picture as image number `image` of a run takes it, planes in the size of the model: cut and mirrored by what is drawn for
 * that number. `whole` makes it of a picture that is not cut.
 */
export function shownPicture(
  picture: Picture,
  image: number,
  showing: Showing,
  whole: (picture: Picture, input: Input) => Picture,
): Float32Array {
  const { input, augment, seed } = showing;
  const fitted =
    augment.crop === null
      ? whole(picture, input)
      : fitBox(picture, randomCrop(picture, augment.crop, uniformStream(`${seed}:crop:${image}`)), input);
  return shownPlanes(toPlanes(fitted), image, showing);
}

/** Planes as that image takes them, mirrored in their place where that is drawn. */
export function shownPlanes(planes: Float32Array, image: number, { input, augment, seed }: Showing): Float32Array {
  if (augment.flip && uniformStream(`${seed}:flip:${image}`)() < 0) mirror(planes, input.width);
  return planes;
}
