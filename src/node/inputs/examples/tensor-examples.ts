import type { FilePlace } from "../../../diagnostics/diagnostic.ts";
import { ok } from "../../../diagnostics/diagnostic.ts";
import type { Picture } from "../../../preprocess/picture.ts";
import { copied, type FileDType } from "../../../weights/dtype.ts";
import { elements, type Tensor, type TensorFile } from "../../../weights/tensor.ts";
import { type Showing, shownPicture, shownPlanes } from "./augmented.ts";
import type { Examples } from "./epochs.ts";

/** Images of a file, [N, C, H, W] of F32 or U8, and the class of each; null where there are none. */
export interface TensorImages {
  readonly file: TensorFile;
  readonly images: Tensor & { readonly dtype: ImageDType };
  readonly labels: readonly number[] | null;
  readonly sha256: string;
}

export type ImageDType = Extract<FileDType, "F32" | "U8">;

/** Of so many bytes or fewer images are read once; of more, each when it is shown. */
const mostKept = 2 ** 28;

/** Images out of a file. F32 is taken as it is, U8 as a picture is. */
export async function tensorExamples(
  { file, images, labels, sha256 }: TensorImages,
  showing: Showing,
  close: () => Promise<void>,
  kept: number = mostKept,
): Promise<Examples> {
  const [count = 0, ...shape] = images.shape;
  const size = elements(shape) * (images.dtype === "F32" ? 4 : 1);
  const inParts = images.dataAt !== null && file.range !== undefined && count * size > kept;
  const whole = inParts ? null : await file.bytes(images.name);
  const bytesOf = async (example: number): Promise<Uint8Array> =>
    whole?.subarray(example * size, (example + 1) * size) ??
    (await file.range?.(images.name, example * size, size)) ??
    new Uint8Array();
  const place: FilePlace = { file: file.name, offset: null };
  return {
    place,
    count,
    sha256,
    mostPassedOver: 0,
    show: async wanted => {
      const examples = wanted.map(async ({ example, image }) => ({
        planes: shown[images.dtype](await bytesOf(example), image, showing),
        label: labels?.[example] ?? null,
      }));
      return ok({ examples: await Promise.all(examples), passedOver: new Map() });
    },
    close,
  };
}

const shown: { readonly [K in ImageDType]: (bytes: Uint8Array, image: number, showing: Showing) => Float32Array } = {
  F32: (bytes, image, showing) => shownPlanes(new Float32Array(copied(bytes)), image, showing),
  U8: (bytes, image, showing) => shownPicture(interleaved(bytes, showing), image, showing, picture => picture),
};

/** Planes as a picture has them. */
function interleaved(planes: Uint8Array, { input: { width, height, channels } }: Showing): Picture {
  const data = new Uint8Array(planes.length);
  for (let c = 0, at = 0; c < channels; c++)
    for (let i = 0; i < width * height; i++) data[i * channels + c] = planes[at++] as number;
  return { width, height, channels, data };
}
