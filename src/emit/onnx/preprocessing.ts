import { cropPct, imagenet } from "../../model/imagenet.ts";
import type { Input } from "../../model/model.ts";

/**
 * Image to `pixel_values` as `preprocessor_config.json` states it, with the constants of the official training. Square
 * images below 384 are resized and cropped; other input is resized to the size as it is.
 */
export function preprocessing({ height, width, channels }: Input): Readonly<Record<string, unknown>> {
  const square = height === width;
  const rgb = channels === imagenet.mean.length;
  return {
    image_processor_type: square ? "ConvNextImageProcessor" : "ViTImageProcessor",
    do_resize: true,
    size: square ? { shortest_edge: height } : { height, width },
    ...(square ? { crop_pct: cropPct } : {}),
    resample: 3,
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: rgb,
    ...(rgb ? { image_mean: imagenet.mean, image_std: imagenet.std } : {}),
  };
}
