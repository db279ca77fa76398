import { invariant } from "../../../diagnostics/invariant.ts";
import type { WeightGradParams } from "../../../plan/kernels.ts";
import { divideUp } from "../../../plan/tiles/tile.ts";
import { dims } from "../../simple/kernel.ts";
import { activation, type CudaKernel, type CudaOperand, type Setting, scalars } from "./shared.ts";

/** A block makes a square tile of outputs by columns of one part, a thread 4 x 4 of it, in f32 on CUDA cores. */
export function weightGrad(p: WeightGradParams, { dtype }: Setting): CudaKernel {
  const { outputs, inputs, height, width, size, parts, chain, tile, of, pooled = false } = p;
  const storage = pooled ? "f32" : "dtype";
  invariant(tile.kind === "tiled" && tile.rows === tile.columns, "the tile of a weight's gradient is square");
  const { rows: side, depth: step } = tile;
  const taps = size * size;
  const columns = inputs * taps;
  const rows = height * width;
  const input = of ?? { height: height * size, width: width * size };
  const outputTiles = divideUp(outputs, side);
  const threads = (side / 4) ** 2;
  return {
    template: "cuda/weight-grad",
    context: {
      scalar: pooled ? "float" : scalars[dtype],
      ...{ outputs, inputs, columns, size, taps, parts, chain, side, step, rows, width },
      patches: size > 1,
      inputWidth: input.width,
      /** Patches leave rows of an image out: the next one's do not follow from these. */
      apart: input.height === height * size ? null : { height, inputHeight: input.height },
      rightAt: 4 * step * side,
      outputTiles,
    },
    operands: [
      activation("d", rows * outputs, dims(rows, outputs), storage),
      activation(
        "input",
        input.height * input.width * inputs,
        size === 1 ? dims(rows, inputs) : dims(input.height, input.width, inputs),
        storage,
      ),
      sums(parts, outputs, columns),
    ],
    grid: [divideUp(columns, side), outputTiles * parts],
    images: 0,
    threads,
    shared: 2 * 4 * step * side,
    registers: 96,
    counted: true,
    wholeBatch: true,
    work: { unit: "simt", flops: 2 * rows * outputs * columns },
  };
}

const sums = (parts: number, outputs: number, columns: number): CudaOperand => ({
  role: "sums",
  storage: "f32",
  access: "write",
  elements: parts * outputs * columns,
  perImage: false,
  note: dims(parts, outputs, columns),
});
