import type { Head, Model } from "./model.ts";

/** How many numbers a checkpoint of this model holds. */
export function countParameters({ input, stem, stages, mlpRatio, grn, layerScale, head }: Model): number {
  const dims = stages.map(({ dim }) => dim);
  const first = dims[0] ?? 0;
  const last = dims.at(-1) ?? 0;
  const stemCount = stem.patch ** 2 * input.channels * first + 3 * first;
  const between = dims.slice(1).map((dim, i) => {
    const before = dims[i] ?? 0;
    return 2 * before + 4 * before * dim + dim;
  });
  const blocks = stages.map(
    ({ depth, dim, kernel }) => depth * blockParameters(dim, kernel, mlpRatio, grn !== "none", layerScale !== null),
  );
  return [stemCount, ...between, ...blocks, headParameters(head, last, dims, input.channels)].reduce(
    (a, b) => a + b,
    0,
  );
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
  if (head.kind === "classifier") return 2 * last + head.classes * (last + 1);
  const { depth, dim } = head.decoder;
  const pixels = head.patchSize ** 2 * channels;
  // Projection, mask token, blocks as published whatever the encoder has, prediction.
  return last * dim + dim + dim + depth * blockParameters(dim, 7, 4, true, false) + dim * pixels + pixels;
}
