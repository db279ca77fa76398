import { renderTemplate } from "../../embedded/render-template.ts";
import { imagenet } from "../../model/imagenet.ts";
import type { Input } from "../../model/model.ts";
import { shorterSide } from "../../preprocess/geometry.ts";

const [acrossSize, downSize] = [64, 8];

/**
 * WGSL that fits an RGBA image of any size, eight bits a channel in a storage buffer, into a model's input as
 * `src/preprocess` does, and normalises it: for those who have images where the model runs. Entry points `across` and
 * `down`; bindings and dispatches stand in the text.
 */
export function preprocessWgsl({ width, height }: Pick<Input, "width" | "height">): string {
  const list = (values: readonly number[]): string => values.join(", ");
  return renderTemplate("wgsl/preprocess", {
    width,
    height,
    side: shorterSide({ width, height }) ?? 0,
    acrossGroups: Math.ceil(width / acrossSize),
    downGroups: { x: Math.ceil(width / downSize), y: Math.ceil(height / downSize) },
    plane: width * height,
    planes: 2 * width * height,
    values: 3 * width * height,
    mean: list(imagenet.mean),
    std: list(imagenet.std),
  });
}
