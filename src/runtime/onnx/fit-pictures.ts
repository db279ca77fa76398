import { fitPicture } from "../../preprocess/fit.ts";
import { pictureOf, type Receiver, toBatch } from "../../preprocess/picture.ts";
import { check, ModelError, messageOf } from "../errors.ts";
import type { PreprocessDescriptor } from "../pictures/descriptor.ts";
import { type OpenPicture, openPicture } from "../pictures/open.ts";
import type { Picture } from "../pictures/sources.ts";

/** A canvas that needs no page. */
interface Canvas {
  getContext(
    kind: "2d",
    options: { readonly willReadFrequently: boolean },
  ): {
    drawImage(source: unknown, x: number, y: number): void;
    getImageData(x: number, y: number, width: number, height: number): { readonly data: Uint8ClampedArray };
  };
}

const web = globalThis as unknown as { readonly OffscreenCanvas?: new (width: number, height: number) => Canvas };

/** Pictures to `pixel_values` without a GPU, to the bit as the command that classifies does it. Throws InputError. */
export async function fitPictures(images: readonly Picture[], descriptor: PreprocessDescriptor): Promise<Float32Array> {
  const { name, width, height, channels = 3, fit } = descriptor;
  check(fit, "input", `the preprocessing of ${name} does not say what it does: compile it again`);
  const model = { input: { width, height, channels }, preprocess: { ...fit, display: [] } } as Receiver;
  const fitted = [];
  // One after the other: of each that is large there is a copy.
  for (const image of images) {
    const open = await openPicture(image);
    try {
      fitted.push(fitPicture(pictureOf(rgbaOf(open), open.width, open.height, 3), model));
    } finally {
      open.close();
    }
  }
  return toBatch(fitted, model.preprocess);
}

/** A copy of the pixels, to be written over. */
function rgbaOf({ width, height, pixels, source, what }: OpenPicture): Uint8Array {
  if (pixels !== null) return Uint8Array.from(pixels);
  check(web.OffscreenCanvas, "input", `nothing reads ${what} here: give { width, height, data } of RGBA`);
  try {
    const context = new web.OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    context.drawImage(source, 0, 0);
    return new Uint8Array(context.getImageData(0, 0, width, height).data.buffer);
  } catch (cause) {
    throw new ModelError("input", `no pixels can be had of ${what}: ${messageOf(cause)}`);
  }
}
