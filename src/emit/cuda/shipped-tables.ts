import type { TuningRow, TuningTable } from "./tuning-table.ts";

/**
 * base on an H200 with 64 of the inner dimension at a time: a pass of 256 images took 62.8 ms instead of 68.3, of which
 * four rows a thread in the depthwise convolutions, usual since then, are a part (bench/results/cuda-h200.md). Atto and
 * tiny gained nothing. Only whole passes were timed, so no row has times.
 */
const deepSteps = [
  { rows: 3136, depth: 128, columns: 512 },
  { rows: 3136, depth: 512, columns: 128 },
  { rows: 784, depth: 512, columns: 256 },
  { rows: 784, depth: 256, columns: 1024 },
  { rows: 784, depth: 1024, columns: 256 },
  { rows: 196, depth: 1024, columns: 512 },
  { rows: 196, depth: 512, columns: 2048 },
  { rows: 196, depth: 2048, columns: 512 },
  { rows: 49, depth: 2048, columns: 1024 },
  { rows: 49, depth: 1024, columns: 4096 },
  { rows: 49, depth: 4096, columns: 1024 },
].map(
  (shape): TuningRow => ({
    kernel: "product",
    shape,
    dtype: "bf16",
    batch: 256,
    choice: { rows: shape.rows === 49 ? 64 : 128, columns: 128, warpRows: 64, step: 64, stages: 4, split: 1 },
    times: null,
  }),
);

/** Tables that cnxc has, by the architecture that names them. */
export const shippedTables: { readonly [architecture: string]: TuningTable } = {
  sm_90: { architecture: "sm_90", device: "NVIDIA H200", rows: deepSteps },
};
