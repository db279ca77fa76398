import { filters, type Input, type Model, type Resize } from "../../model/model.ts";
import { cropOf, cropPct, usualPreprocess } from "../../model/preprocess.ts";

type Json = Readonly<Record<string, unknown>>;
type Receiver = Pick<Model, "input" | "preprocess">;

/** What a processor of transformers does with sizes. */
interface Processor {
  readonly type: string;
  readonly sizes: Json;
}

/** From this side on ConvNextImageProcessor resizes to the size as it is. */
const firstSquashed = 384;

/**
 * Image to `pixel_values` as `preprocessor_config.json` states it: the class of transformers that resizes and cuts so, with
 * the constants of the model. What no class does, `processorProblem` names, has words of its own here.
 */
export function preprocessing({ input, preprocess }: Receiver): Json {
  const { mean, std, bands, resize, interpolation } = preprocess;
  const { type, sizes } = processorOf(resize, input) ?? { type: null, sizes: { size: { cover: sizeOf(resize) } } };
  const normalizes = mean.some(value => value !== 0) || std.some(value => value !== 1);
  return {
    ...(type === null ? {} : { image_processor_type: type }),
    do_resize: true,
    ...sizes,
    resample: filters.indexOf(interpolation),
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: normalizes,
    ...(normalizes ? { image_mean: mean, image_std: std } : {}),
    ...(isUsualOrder({ input, preprocess }) ? {} : { bands }),
  };
}

/** What no class of transformers does with pictures, or null. */
export function processorProblem(model: Receiver): string | null {
  if (!isUsualOrder(model)) return "bands in another order";
  return processorOf(model.preprocess.resize, model.input) === null ? "crop on an input that is not square" : null;
}

const isUsualOrder = ({ input, preprocess: { bands } }: Receiver): boolean =>
  bands === null || bands.join() === usualPreprocess(input).bands?.join();

const sizeOf = ({ height, width }: { readonly height: number; readonly width: number }) => ({ height, width });

function processorOf(resize: Resize, input: Input): Processor | null {
  const { height, width } = input;
  const square = height === width;
  const whole = resize.height === height && resize.width === width;
  const cut = { do_center_crop: true, crop_size: { height, width } };
  const convnext = (crop_pct: number): Processor => ({
    type: "ConvNextImageProcessor",
    sizes: { size: { shortest_edge: height }, crop_pct },
  });
  if (resize.mode === "squash") {
    if (whole && square && height >= firstSquashed) return convnext(cropPct);
    if (whole) return { type: "ViTImageProcessor", sizes: { size: { height, width } } };
    return { type: "CLIPImageProcessor", sizes: { size: sizeOf(resize), ...cut } };
  }
  if (resize.height !== resize.width) return null;
  const crop = square && height < firstSquashed ? cropOf(resize, input) : null;
  if (crop !== null) return convnext(crop);
  return { type: "CLIPImageProcessor", sizes: { size: { shortest_edge: resize.height }, ...cut } };
}
