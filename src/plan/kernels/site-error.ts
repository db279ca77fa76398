import type { PatchGrid } from "../../graph/ops.ts";
import {
  activation,
  bindingContext,
  bindingsOf,
  dims,
  float,
  type KernelSource,
  maskSlot,
  result,
  slots,
} from "./shared.ts";

/** Mean squared error of every patch, against the image's own pixels. */
export interface SiteErrorParams extends Pick<PatchGrid, "rows" | "columns"> {
  /** Pixels of a patch's side, and channels of the image. */
  readonly size: number;
  readonly channels: number;
  /** Added to the variance that a patch's pixels are divided by; null leaves pixels as they are. */
  readonly eps: number | null;
  /** Only removed patches are wanted; the error of kept ones is 0. */
  readonly removedOnly: boolean;
  readonly invocations: number;
}

export const siteError = (p: SiteErrorParams): KernelSource => {
  const { rows, columns, size, channels, eps, removedOnly, invocations } = p;
  const [height, width] = [rows * size, columns * size];
  const pixels = size * size * channels;
  const list = slots([
    activation("pred", rows * columns * pixels, 1, dims(rows * columns, pixels)),
    activation("image", channels * height * width, 1, dims(channels, height, width)),
    removedOnly ? maskSlot(p) : null,
    result("errors", rows * columns, 1, dims(rows * columns)),
  ]);
  return {
    template: "site-error",
    context: {
      size,
      channels,
      pixels,
      columns,
      height,
      width,
      patches: rows * columns,
      imageLength: channels * height * width,
      standardize: eps !== null,
      eps: eps === null ? null : float(eps),
      pixelsFloat: float(pixels),
      degrees: float(pixels - 1),
      removedOnly,
      invocations,
      bindings: bindingContext(list),
    },
    bindings: bindingsOf(list),
    grid: [rows * columns, 1],
    workgroup: [invocations, 1],
  };
};
