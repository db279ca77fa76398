import type { SiteErrorParams } from "../../../plan/kernels.ts";
import {
  activation,
  bindingContext,
  dims,
  float,
  type KernelSource,
  maskSlot,
  operandsOf,
  result,
  slots,
} from "./shared.ts";

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
    operands: operandsOf(list),
    grid: [rows * columns, 1],
    workgroup: [invocations, 1],
  };
};
