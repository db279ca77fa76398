import type { WeightGradParams } from "../../../plan/kernels.ts";
import { divideUp } from "../../../plan/tiles/tile.ts";
import { dims } from "../../simple/kernel.ts";
import { activation, type CudaKernel, type CudaOperand, type Setting, scalars, storageBytes } from "./shared.ts";

/** On tensor cores where the build has them and rows are whole chunks of 16 bytes, else on CUDA cores. */
export function weightGrad(p: WeightGradParams, setting: Setting): CudaKernel {
  const { outputs, inputs, pooled = false } = p;
  const chunk = 16 / storageBytes[setting.dtype];
  const whole = outputs % chunk === 0 && inputs % chunk === 0;
  return setting.precision === "f32" || pooled || !whole ? onLanes(p, setting) : onTensorCores(p, setting);
}

/** What both are: the sums of a part over its rows of all images. */
function shapeOf(p: WeightGradParams, { dtype }: Setting) {
  const { outputs, inputs, height, width, size, parts, of, pooled = false } = p;
  const storage = pooled ? "f32" : "dtype";
  const taps = size * size;
  const columns = inputs * taps;
  const rows = height * width;
  const input = of ?? { height: height * size, width: width * size };
  return {
    columns,
    context: {
      scalar: pooled ? "float" : scalars[dtype],
      ...{ outputs, inputs, columns, size, taps, parts, rows, width, chain: p.chain },
      patches: size > 1,
      inputWidth: input.width,
      /** Patches leave rows of an image out: the next one's do not follow from these. */
      apart: input.height === height * size ? null : { height, inputHeight: input.height },
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
    flops: 2 * rows * outputs * columns,
  };
}

/** Outputs and columns of a block on CUDA cores, and rows that it has at a time. */
const side = 32;
const laneStep = 16;

/** A block makes a square of outputs by columns of one part, a thread 4 x 4 of it, in f32 on CUDA cores. */
function onLanes(p: WeightGradParams, setting: Setting): CudaKernel {
  const { outputs, parts } = p;
  const step = laneStep;
  const { columns, context, operands, flops } = shapeOf(p, setting);
  const outputTiles = divideUp(outputs, side);
  return {
    template: "cuda/weight-grad",
    context: { ...context, side, step, rightAt: 4 * step * side, outputTiles },
    operands,
    grid: [divideUp(columns, side), outputTiles * parts],
    images: 0,
    threads: (side / 4) ** 2,
    shared: 2 * 4 * step * side,
    registers: 96,
    counted: true,
    wholeBatch: true,
    work: { unit: "simt", flops },
  };
}

/** What a warp makes on tensor cores: four of them are a block, side by side along the longer side of the weight. */
const warp = { rows: 64, columns: 32 };
const warps = 4;
const stages = 3;

/** Outputs and columns of a block on tensor cores. */
export const tensorBlock = (outputs: number, columns: number) => {
  const warpsM = outputs > warp.rows && outputs >= columns ? 2 : 1;
  return { warpsM, rows: warpsM * warp.rows, columns: (warps / warpsM) * warp.columns };
};

/**
 * The same by products of 16 outputs, 8 columns and 16 rows (8 in TF32): what a row of d holds is turned as it is loaded. A
 * chain ends between steps.
 */
function onTensorCores(p: WeightGradParams, setting: Setting): CudaKernel {
  const { outputs, parts, chain } = p;
  const { columns, context, operands, flops } = shapeOf(p, setting);
  const tf32 = setting.precision === "tf32";
  const bytes = storageBytes[setting.dtype];
  const step = tf32 ? 16 : 32;
  const block = tensorBlock(outputs, columns);
  const outputTiles = divideUp(outputs, block.rows);
  const [left, right] = [block.rows, block.columns].map(side => stages * step * (side + 8) * bytes) as [number, number];
  return {
    template: "cuda/weight-grad-mma",
    context: {
      ...context,
      ...{ tf32, step, stages, stagesLess: stages - 1, outputTiles, chunk: 16 / bytes },
      ...{ blockRows: block.rows, blockColumns: block.columns, warpsM: block.warpsM },
      ...{ warpRows: warp.rows, warpColumns: warp.columns, mTiles: warp.rows / 16, nTiles: warp.columns / 8 },
      bAt: left,
      chainSteps: Math.max(1, Math.floor(chain / step)),
    },
    operands,
    grid: [divideUp(columns, block.columns), outputTiles * parts],
    images: 0,
    threads: 32 * warps,
    shared: left + right,
    registers: 232,
    counted: true,
    wholeBatch: true,
    work: { unit: tf32 ? "tf32" : "tensor", flops },
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
