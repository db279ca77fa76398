import type { Augment } from "../../../model/model.ts";
import { fitBox } from "../../../preprocess/fit.ts";
import { mirror, type Picture, type Receiver, toPlanes } from "../../../preprocess/picture.ts";
import { randomCrop } from "../../../preprocess/random-crop.ts";
import { uniformStream } from "../../../weights/made/streams.ts";

/** How examples become images of a run. */
export interface Showing extends Receiver {
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
  whole: (picture: Picture, model: Receiver) => Picture,
): Float32Array {
  const { augment, seed } = showing;
  const fitted =
    augment.crop === null
      ? whole(picture, showing)
      : fitBox(picture, randomCrop(picture, augment.crop, uniformStream(`${seed}:crop:${image}`)), showing);
  return shownPlanes(toPlanes(fitted, showing.preprocess), image, showing);
}

/** Planes as that image takes them, mirrored in their place where that is drawn. */
export function shownPlanes(planes: Float32Array, image: number, { input, augment, seed }: Showing): Float32Array {
  if (augment.flip && uniformStream(`${seed}:flip:${image}`)() < 0) mirror(planes, input.width);
  return planes;
}
