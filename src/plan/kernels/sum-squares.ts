import { divideUp, roundUp } from "../tile.ts";
import {
  activation,
  bindingContext,
  bindingsOf,
  dims,
  f16Allowed,
  type KernelSource,
  result,
  vecOf,
  wgslType,
} from "./shared.ts";

export interface SumSquaresParams {
  readonly rows: number;
  readonly channels: number;
}

/** Rows that a workgroup sums one after the other. */
export const squareStrip = 64;

/** How many rows of partial sums the kernel leaves. */
export const squareStrips = (rows: number): number => divideUp(rows, squareStrip);

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
    bindings: bindingsOf(list),
    grid: [tiles, 1],
    workgroup: [64, 1],
  };
};
