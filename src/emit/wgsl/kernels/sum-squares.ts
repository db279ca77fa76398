import { type SumSquaresParams, squareStrip, squareStrips } from "../../../plan/kernels.ts";
import { roundUp } from "../../../plan/tile.ts";
import {
  activation,
  bindingContext,
  dims,
  f16Allowed,
  type KernelSource,
  operandsOf,
  result,
  vecOf,
  wgslType,
} from "./shared.ts";

export const sumSquares = ({ rows, channels }: SumSquaresParams): KernelSource => {
  const vec = vecOf(channels);
  const padded = roundUp(channels, 4);
  const tiles = squareStrips(rows);
  const list = [
    f16Allowed(activation("input", rows * channels, vec, dims(rows, channels))),
    result("squares", tiles * padded, vec, dims(tiles, channels)),
  ];
  return {
    template: "sum-squares",
    context: {
      rows,
      channels,
      strip: squareStrip,
      tiles,
      count: channels / vec,
      paddedCount: padded / vec,
      padding: padded !== channels,
      ragged: rows % squareStrip !== 0,
      invocations: 64,
      acc: wgslType(vec),
      bindings: bindingContext(list),
    },
    operands: operandsOf(list),
    grid: [tiles, 1],
    workgroup: [64, 1],
  };
};
