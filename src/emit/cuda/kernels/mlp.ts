import type { StorageType } from "../../../model/model.ts";
import type { MlpParams } from "../../../plan/kernels.ts";
import { divideUp, packedShape, roundUp } from "../../../plan/tiles/tile.ts";
import type { MlpChoice } from "../../../plan/tiles/tuned-choices.ts";
import { geluWord } from "../../simple/kernel.ts";
import { activation, type CudaKernel, geluName, result, type Setting, scalars, weight } from "./shared.ts";

/** Every choice there is; `mlpFits` says which of them a pair of products has. */
export const mlpChoices: readonly MlpChoice[] = ([128, 64] as const).flatMap(rows =>
  ([32, 16] as const).flatMap(warpRows => ([32, 64] as const).map(step => ({ rows, warpRows, step }))),
);

/** Most channels that a thread has registers for, by the rows of its warp. */
const mostChannels = { 16: 192, 32: 128 } as const satisfies Record<MlpChoice["warpRows"], number>;

/** Can tensor cores make a pair of products in this way? */
export function mlpFits({ expand, project, choice }: MlpParams, dtype: StorageType): boolean {
  const channels = expand.depth;
  return (
    dtype !== "f32" &&
    expand.gelu !== null &&
    expand.squares &&
    project.residual &&
    project.grn?.kind === "vector" &&
    expand.mask === null &&
    project.mask === null &&
    channels % 8 === 0 &&
    project.columns === channels &&
    expand.columns % choice.step === 0 &&
    channels <= mostChannels[choice.warpRows]
  );
}

const bytes = 2; // of a value in 16 bits

/** Where the parts of shared memory begin, and the rows of the second weight in it. */
function layout(channels: number, { rows, step }: MlpChoice) {
  const depth = roundUp(channels, 16);
  const stages = 3;
  const vRow = channels % 16 === 0 ? channels + 8 : channels;
  const uAt = bytes * rows * (depth + 8);
  const vAt = uAt + bytes * stages * depth * (step + 8);
  const ofAt = vAt + bytes * stages * step * vRow;
  return { depth, stages, vRow, uAt, vAt, ofAt, shared: ofAt + 4 * stages * 2 * step };
}

/** Bytes of shared memory of a block. */
export const mlpShared = (channels: number, choice: MlpChoice): number => layout(channels, choice).shared;

export function mlp({ expand, project, choice }: MlpParams, { dtype }: Setting): CudaKernel {
  const { rows, depth: channels, columns: hidden } = expand;
  const { shared, ...parts } = layout(channels, choice);
  const [first, second] = [expand, project].map(({ tile, depth, columns }) =>
    packedShape(tile, { channels: depth, taps: 1, columns }),
  ) as [ReturnType<typeof packedShape>, ReturnType<typeof packedShape>];
  const threads = (32 * choice.rows) / choice.warpRows;
  const tiles = { mTiles: choice.warpRows / 16, nTiles: channels / 8 };
  return {
    template: "cuda/mlp",
    context: {
      ...parts,
      ...tiles,
      scalar: scalars[dtype],
      rows,
      channels,
      wide: hidden,
      blockRows: choice.rows,
      warpRows: choice.warpRows,
      step: choice.step,
      steps: hidden / choice.step,
      stagesLess: parts.stages - 1,
      weight1Row: first.columns,
      weight2Row: second.columns,
      gelu: geluName(expand.gelu ?? "erf", dtype),
      activationWord: geluWord[expand.gelu ?? "erf"],
    },
    operands: [
      activation("input", rows * channels, `[${rows}][${channels}]`),
      weight("weight1", first.depth * first.columns, `[${first.depth}][${first.columns}]`, "matrix"),
      weight("bias1", first.columns, `[${first.columns}]`),
      activation("scale", hidden, `[${hidden}]`, "f32"),
      weight("weight2", second.depth * second.columns, `[${second.depth}][${second.columns}]`, "matrix"),
      weight("bias2", second.columns, `[${second.columns}]`),
      activation("residual", rows * channels, `[${rows}][${channels}]`),
      result("output", rows * channels, `[${rows}][${channels}]`),
    ],
    grid: [1, divideUp(rows, choice.rows)],
    images: 1,
    threads,
    shared,
    registers: 4 * tiles.mTiles * tiles.nTiles + 112,
    counted: false,
    work: { unit: "tensor", flops: 4 * rows * channels * hidden },
  };
}
