import { channelsBetween, type Head, type Model, type Stem } from "./model.ts";

/** Numbers of a checkpoint by where they are; a stage begins with the convolution that makes its map smaller. */
export interface ParameterCounts {
  readonly stem: number;
  readonly stages: readonly number[];
  readonly head: number;
}

/** How many numbers a checkpoint of this model holds. */
export function countParameters(model: Model): number {
  const { stem, stages, head } = parametersByPart(model);
  return [stem, ...stages, head].reduce((a, b) => a + b, 0);
}

/** The same, part by part. */
export function parametersByPart(model: Model): ParameterCounts {
  const { input, stem, mlpRatio, grn, layerScale, head } = model;
  const bias = model.convBias === false ? 0 : 1;
  const dims = model.stages.map(({ dim }) => dim);
  const first = dims[0] ?? 0;
  const stages = model.stages.map(({ depth, dim, kernel }, i) => {
    const before = dims[i - 1];
    const down = before === undefined ? 0 : 2 * before + 4 * before * dim + bias * dim;
    return (
      down + depth * (blockParameters(dim, kernel, mlpRatio, grn !== "none", layerScale !== null) - (1 - bias) * dim)
    );
  });
  return {
    stem: stemParameters(stem, input.channels, first, bias) + 2 * first,
    stages,
    head: headParameters(head, dims.at(-1) ?? 0, dims, input.channels),
  };
}

function stemParameters({ patch, overlap }: Stem, channels: number, dim: number, bias: number): number {
  if (overlap === undefined) return patch ** 2 * channels * dim + bias * dim;
  const between = channelsBetween(overlap, dim);
  return 9 * channels * between + bias * between + 9 * between * dim + bias * dim;
}

const blockParameters = (dim: number, kernel: number, ratio: number, grn: boolean, layerScale: boolean): number => {
  const depthwise = kernel ** 2 * dim + dim;
  const norm = 2 * dim;
  const linear = 2 * ratio * dim ** 2 + ratio * dim + dim;
  return depthwise + norm + linear + (grn ? 2 * ratio * dim : 0) + (layerScale ? dim : 0);
};

function headParameters(head: Head, last: number, dims: readonly number[], channels: number): number {
  if (head.kind === "features") {
    return head.norm ? head.levels.reduce((sum, level) => sum + 2 * (dims[level - 1] ?? 0), 0) : 0;
  }
  if (head.kind === "classifier") {
    const { classes, hiddenSize } = head;
    return 2 * last + (hiddenSize ?? 0) * (last + 1) + classes * ((hiddenSize ?? last) + 1);
  }
  const { depth, dim } = head.decoder;
  const pixels = head.patchSize ** 2 * channels;
  // Projection, mask token, blocks as published whatever the encoder has, prediction.
  return last * dim + dim + dim + depth * blockParameters(dim, 7, 4, true, false) + dim * pixels + pixels;
}
