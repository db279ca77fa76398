import type { AveragePoolParams } from "../../../plan/kernels.ts";
import {
  activation,
  bindingContext,
  dims,
  f16Allowed,
  flat,
  float,
  type KernelSource,
  operandsOf,
  result,
  vecOf,
  wgslType,
} from "./shared.ts";

export const averagePool = (p: AveragePoolParams): KernelSource => {
  const { height, width, channels, size } = p;
  const vec = vecOf(channels);
  const [outHeight, outWidth] = [height / size, width / size];
  const count = (outHeight * outWidth * channels) / vec;
  const { context, grid, workgroup } = flat(count);
  const list = [
    f16Allowed(activation("input", height * width * channels, vec, dims(height, width, channels))),
    f16Allowed(result("output", outHeight * outWidth * channels, vec, dims(outHeight, outWidth, channels))),
  ];
  return {
    template: "average-pool",
    context: {
      ...p,
      outWidth,
      acc: wgslType(vec),
      channelCount: channels / vec,
      rowCount: (width * channels) / vec,
      inputCount: (height * width * channels) / vec,
      sites: float(size * size),
      ...context,
      bindings: bindingContext(list),
    },
    operands: operandsOf(list),
    grid,
    workgroup,
  };
};
