import { cropPct } from "../model/imagenet.ts";

/** Whole pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** What a picture is resized to, and where in that the model's input begins. */
export interface Placement {
  readonly resized: Size;
  readonly left: number;
  readonly top: number;
}

/** From here on the published evaluation resizes to the size as it is. */
const firstWarped = 384;

/**
 * How the published preprocessing fits a picture of any shape into a model's input: below 384 pixels the shorter side
 * becomes int(size / 0.875), and the middle is cut out; 384 and more, and input that is not square, are only resized,
 * whatever the shape of the picture. Sides are cut down and margins rounded as torchvision's Resize and CenterCrop do.
 */
export function placement({ width, height }: Size, to: Size): Placement {
  const side = shorterSide(to);
  if (side === null) return { resized: to, left: 0, top: 0 };
  const resized =
    width <= height
      ? { width: side, height: Math.trunc((side * height) / width) }
      : { width: Math.trunc((side * width) / height), height: side };
  return { resized, left: margin(resized.width - to.width), top: margin(resized.height - to.height) };
}

/** What the shorter side of a picture becomes before the crop, or null where there is none. */
export const shorterSide = ({ width, height }: Size): number | null =>
  width === height && width < firstWarped ? Math.trunc(width / cropPct) : null;

/** Half of what is left over; of two equally near whole numbers the even one, as Python rounds. */
function margin(rest: number): number {
  const half = Math.floor(rest / 2);
  return rest % 2 === 1 && half % 2 === 1 ? half + 1 : half;
}
