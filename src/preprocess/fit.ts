import { placement, type Size } from "./geometry.ts";
import type { Picture } from "./picture.ts";
import { resample } from "./resample.ts";

/** A picture in a model's size, as the published preprocessing has it: resized (bicubic), and below 384 cropped. */
export const fitPicture = (picture: Picture, to: Size): Picture => resample(picture, placement(picture, to), to);
