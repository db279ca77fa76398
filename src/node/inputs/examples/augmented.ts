import type { Augment, Input } from "../../../model/model.ts";
import { fitBox, fitPicture } from "../../../preprocess/fit.ts";
import { mirrored, type Picture } from "../../../preprocess/picture.ts";
import { randomCrop } from "../../../preprocess/random-crop.ts";
import { uniformStream } from "../../../weights/made/streams.ts";

/** How pictures become images of a run. */
export interface Showing {
  readonly input: Input;
  readonly augment: Augment;
  readonly seed: number;
}

/** A picture as image number `image` of a run shows it: cut, resized and mirrored by what is drawn for that number. */
export function augmented(picture: Picture, image: number, { input, augment, seed }: Showing): Picture {
  const { crop, flip } = augment;
  const fitted =
    crop === null
      ? fitPicture(picture, input)
      : fitBox(picture, randomCrop(picture, crop, uniformStream(`${seed}:crop:${image}`)), input);
  return flip && uniformStream(`${seed}:flip:${image}`)() < 0 ? mirrored(fitted) : fitted;
}
