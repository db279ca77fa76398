import type { KernelParams } from "../../../plan/kernels.ts";
import { divideUp, roundUp } from "../../../plan/tiles/tile.ts";
import { dims } from "../../simple/kernel.ts";
import {
  activation,
  affine,
  type CudaKernel,
  normContext,
  type OperandStorage,
  result,
  type Setting,
  scalars,
  weight,
} from "./shared.ts";

const simtWork = (flops: number) => ({ unit: "simt", flops }) as const;
const registers = 64;
const plain = { images: 1, shared: 0, registers, counted: false, work: simtWork(0) } as const;
/** Bytes of shared memory that a block may have on every architecture that one source serves. */
const commonShared = 101_376;

export function gemv(p: KernelParams["gemv"], { dtype, batch }: Setting): CudaKernel {
  const { depth, columns, tile, title } = p;
  const [threadsX, threadsY] = [4 * tile.workgroup[0], tile.workgroup[1]];
  const weightRow = roundUp(columns, threadsX);
  const threads = threadsX * threadsY;
  const sharedFor = (images: number) => {
    const sumsAt = roundUp(4 * depth * images, 16);
    return { images, sumsAt, bytes: sumsAt + 4 * threads * images };
  };
  const most = Math.min(batch, 4);
  const choices = Array.from({ length: most }, (_, less) => sharedFor(most - less));
  const { images, sumsAt, bytes } = choices.find(choice => choice.bytes <= commonShared) ?? sharedFor(1);
  return {
    ...plain,
    template: "cuda/gemv",
    context: {
      title,
      depth,
      columns,
      lanesX: threadsX,
      lanesY: threadsY,
      weightRow,
      sumsAt,
      images,
      scalar: scalars[dtype],
    },
    operands: [
      activation("input", depth, dims(depth), "f32"),
      weight("weight", roundUp(depth, 4) * weightRow, dims(roundUp(depth, 4), weightRow), "dtype"),
      weight("bias", weightRow, dims(weightRow)),
      result("output", columns, dims(columns), "f32"),
    ],
    grid: [weightRow / threadsX, 1],
    images,
    threads,
    shared: bytes,
    counted: true,
    work: simtWork(2 * depth * columns),
  };
}

/** The pooled vector is f32 before and after. */
export function rowNorm({ rows, channels, norm, pooled }: KernelParams["rowNorm"], { dtype }: Setting): CudaKernel {
  const threads = 128;
  const storage: OperandStorage = pooled ? "f32" : "dtype";
  return {
    ...plain,
    template: "cuda/row-norm",
    context: {
      ...normContext(norm, { channels, pixels: 1, threads, registers }),
      warps: threads / 32,
      rows,
      scalar: pooled ? scalars.f32 : scalars[dtype],
    },
    operands: [
      activation("input", rows * channels, dims(rows, channels), storage),
      ...affine(norm, channels),
      result("output", rows * channels, dims(rows, channels), storage),
    ],
    grid: [divideUp(rows, threads / 32), 1],
    threads,
  };
}
