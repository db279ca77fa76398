import type { Resize } from "../model/model.ts";

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

/**
 * How a picture of any shape is fitted into a model's input: squashed to a size, or made to cover one in its own shape; then
 * the middle is cut out. To cover a square the shorter side becomes its side, and the other is cut down, as torchvision's Resize
 * does; to cover another shape both sides are rounded, as timm's ResizeKeepRatio does. Margins are those of CenterCrop.
 */
export function placement(picture: Size, to: Size, resize: Resize): Placement {
  const resized = resize.mode === "squash" ? { width: resize.width, height: resize.height } : covering(picture, resize);
  return { resized, left: margin(resized.width - to.width), top: margin(resized.height - to.height) };
}

function covering({ width, height }: Size, over: Resize): Size {
  if (over.width === over.height) {
    const side = over.height;
    return width <= height
      ? { width: side, height: Math.trunc((side * height) / width) }
      : { width: Math.trunc((side * width) / height), height: side };
  }
  const ratio = Math.min(height / over.height, width / over.width);
  return { width: Math.max(over.width, even(width / ratio)), height: Math.max(over.height, even(height / ratio)) };
}

/** Half of what is left over. */
const margin = (rest: number): number => even(rest / 2);

/** The nearest whole number; of two equally near ones the even one, as Python rounds. */
function even(x: number): number {
  const below = Math.floor(x);
  if (x - below !== 0.5) return Math.round(x);
  return below % 2 === 0 ? below : below + 1;
}
