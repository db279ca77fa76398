import { channelsBetween, type Model, type Stem } from "./model.ts";

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
  const { input, stem, mlpRatio, grn, layerScale } = model;
  const bias = model.convBias === false ? 0 : 1;
  const norm = model.normLayer === undefined ? 2 : 1;
  const dims = model.stages.map(({ dim }) => dim);
  const first = dims[0] ?? 0;
  const stages = model.stages.map(({ depth, dim, kernel }, i) => {
    const before = dims[i - 1];
    const down = before === undefined ? 0 : norm * before + 4 * before * dim + bias * dim;
    return (
      down +
      depth * (blockParameters(dim, kernel, mlpRatio, grn !== "none", layerScale !== null) - (3 - bias - norm) * dim)
    );
  });
  return {
    stem: stemParameters(stem, input.channels, first, bias) + norm * first,
    stages,
    head: headParameters(model, norm),
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

function headParameters({ head, stages, input }: Model, norm: number): number {
  const last = stages.at(-1)?.dim ?? 0;
  if (head.kind === "features") {
    return head.norm ? head.levels.reduce((sum, level) => sum + norm * (stages[level - 1]?.dim ?? 0), 0) : 0;
  }
  if (head.kind === "classifier") {
    const { classes, hiddenSize } = head;
    return norm * last + (hiddenSize ?? 0) * (last + 1) + classes * ((hiddenSize ?? last) + 1);
  }
  const { depth, dim } = head.decoder;
  const pixels = head.patchSize ** 2 * input.channels;
  // Projection, mask token, blocks as published whatever the encoder has, prediction.
  return last * dim + dim + dim + depth * blockParameters(dim, 7, 4, true, false) + dim * pixels + pixels;
}
