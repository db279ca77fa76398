import {
  blockTile,
  type DirectTile,
  divideUp,
  type GemmShape,
  type GemmTile,
  type GemvTile,
  gemmInvocations,
  type LineTile,
  type NormTile,
  roundUp,
  type StripTile,
  type TiledTile,
} from "./tile.ts";
import { productKey } from "./tuned-choices.ts";
import { type DirectCosts, type TuningProfile, webgpuLimits } from "./tuning-profiles.ts";

// Which tile a kernel gets: pure functions of a tuning profile (`tuning-profiles.ts`), which is data, and a shape. Every
// tile keeps to WebGPU's default limits.

const workgroupCount = (tile: GemmTile, shape: GemmShape): number => {
  const [rows, columns] = blockTile(tile);
  return divideUp(shape.rows, rows) * divideUp(shape.columns, columns) * (shape.batch ?? 1);
};

/** Workgroups that do not fill the adapter's threads evenly are charged for the idle ones. */
const directCost = (tile: DirectTile, shape: GemmShape, costs: DirectCosts, wanted: number): number => {
  const { rows, quads } = tile;
  const step = costs.load * (rows + 4 * quads) + costs.multiply * rows * quads;
  const one = (step * shape.depth) / 4 + costs.epilogue * rows * quads;
  const group = costs.workgroup + one * divideUp(gemmInvocations(tile), costs.simd);
  return roundUp(workgroupCount(tile, shape), wanted) * group;
};

export const chooseGemm = (tuning: TuningProfile, shape: GemmShape): GemmTile => {
  const { gemm } = tuning;
  if (gemm.kind === "tiled") {
    const big = gemm.tiles.find(tile => workgroupCount(tile, shape) >= gemm.workgroups);
    const last = gemm.tiles[gemm.tiles.length - 1];
    if (last === undefined) throw new Error("a tuning profile lists no tiles");
    return big ?? last;
  }
  if (gemm.kind === "exact") return tunedTile(gemm, shape) ?? (exactTiles(gemm, shape)[0] as TiledTile);
  const all = gemm.rows.flatMap(rows =>
    gemm.quads
      .filter(quads => rows * quads <= gemm.accumulators)
      .flatMap(quads =>
        gemm.workgroupSizes.map((workgroup): DirectTile => ({ kind: "direct", rows, quads, workgroup })),
      ),
  );
  const cost = (tile: DirectTile) => directCost(tile, shape, gemm.costs, gemm.workgroups);
  return all.reduce((best, tile) => (cost(tile) < cost(best) ? tile : best));
};

/** Rows of a part of a sum over rows at the least. */
const partRows = 256;

/** How the gradient of a weight is made: tiles of it, and parts of its sums, as many as keep the adapter busy. */
export function chooseWeightGrad(
  { weightGrad: { tile, workgroups, images = 1 } }: TuningProfile,
  { outputs, columns, rows }: { readonly outputs: number; readonly columns: number; readonly rows: number },
): { readonly tile: GemmTile; readonly parts: number } {
  const tiles = workgroupCount(tile, { rows: outputs, depth: rows, columns });
  return { tile, parts: Math.max(1, Math.min(Math.floor(workgroups / tiles), divideUp(rows * images, partRows))) };
}

type ExactGemm = Extract<TuningProfile["gemm"], { readonly kind: "exact" }>;

const tunedTile = (gemm: ExactGemm, shape: GemmShape): TiledTile | null => {
  const choice = gemm.tuned.get(productKey(shape));
  return choice ? exactTile(gemm, choice) : null;
};

const exactTile = ({ depth }: ExactGemm, of: { readonly rows: number; readonly columns: number }): TiledTile => ({
  kind: "tiled",
  rows: of.rows,
  columns: of.columns,
  depth,
  threadTile: [4, 1],
});

/** Can warps share a tile? Those of 64 or 32 rows its rows; where these are not a multiple of that, 4 share its columns. */
const isShared = ({ rows, columns }: { readonly rows: number; readonly columns: number }): boolean =>
  rows % 32 === 0 || columns % 32 === 0;

/**
 * Tiles, the cheapest first. Workgroups run in waves, each as long as one of them; a workgroup costs its multiplications and
 * the loading of its rows and columns. So the cost is the number of waves times that.
 */
export const exactTiles = (gemm: ExactGemm, shape: GemmShape): readonly TiledTile[] => {
  const dividing = gemm.columns.filter(columns => shape.columns % columns === 0);
  const columns = dividing.length > 0 ? dividing : gemm.columns;
  const all = gemm.rows.flatMap(rows =>
    columns.filter(columns => isShared({ rows, columns })).map(columns => exactTile(gemm, { rows, columns })),
  );
  const cost = (tile: TiledTile) =>
    divideUp(workgroupCount(tile, { ...shape, batch: gemm.images }), gemm.workgroups) *
    (tile.rows * tile.columns + gemm.load * (tile.rows + tile.columns));
  return all.sort((a, b) => cost(a) - cost(b));
};

export interface StripShape {
  /** Sites of one output row. */
  readonly width: number;
  /** Output rows. */
  readonly height: number;
  readonly channels: number;
  /** Channels of an invocation. */
  readonly vec: 1 | 4;
  readonly norm: boolean;
}

const statBytes = (strip: number, share: number, invocations: number): number =>
  8 * strip + (share > 1 ? 8 * invocations : 0);

const stripBytes = (
  shape: Pick<StripShape, "norm" | "channels" | "vec">,
  strip: number,
  tuning: TuningProfile,
): number =>
  shape.norm
    ? 4 * strip * roundUp(shape.channels, shape.vec) + statBytes(strip, tuning.reductionWidth, webgpuLimits.invocations)
    : 0;

/** Null where not even one site's channels fit in workgroup memory: convolve and normalise apart then. */
export const chooseStrip = (tuning: TuningProfile, shape: StripShape): StripTile | null => {
  const fits = (strip: number) => stripBytes(shape, strip, tuning) <= tuning.workgroupBytes;
  if (!fits(1)) return null;
  const count = divideUp(shape.channels, shape.vec);
  const fitting = tuning.sitesPerInvocation.filter(fits);
  const usable = fitting.filter(run => run <= Math.max(shape.width, 1));
  const waste = (run: number) => roundUp(shape.width, run) - shape.width;
  const run = usable.reduce(
    (best, next) => (waste(next) < waste(best) ? next : best),
    usable[0] ?? fitting.at(-1) ?? 1,
  );
  const runs = divideUp(shape.width, run);
  const wanted = Math.max(1, Math.floor(tuning.invocations / count));
  const most = Math.max(1, Math.floor(tuning.strip / run));
  let several = Math.min(wanted, most, runs);
  while (several > 1 && (!fits(several * run) || runs % several !== 0)) several--;
  const strip = several * run;
  const items = several * count;
  const needed = strip * tuning.reductionWidth;
  const invocations = Math.min(tuning.barrierInvocations, roundUp(Math.max(items, needed), 8));
  const share = strip * tuning.reductionWidth <= invocations ? tuning.reductionWidth : 1;
  return { strip, sitesPerInvocation: run, invocations, reductionWidth: share };
};

export interface LineShape {
  readonly kernel: number;
  /** Sites of a row of the whole map. */
  readonly width: number;
  /** Rows of kept patches. */
  readonly lines: number;
  /** Sites of a row. */
  readonly across: number;
  readonly channels: number;
  readonly vec: 1 | 4;
  readonly norm: boolean;
}

/** Most sites per invocation of a compact convolution. */
const mostSitesPerInvocation = 14;

/** Depthwise kernels wider than this keep a loop over their columns. */
export const widestUnrolled = 9;

/**
 * Rows of kept patches: an invocation makes a whole one where it is short. Rows of the map where a tap's row meets many
 * small patches and looking for the kept ones skips no work. Null as for `chooseStrip`.
 */
export const chooseLines = (tuning: TuningProfile, shape: LineShape): LineTile | null => {
  const { lines, across, width, kernel } = shape;
  const fits = (strip: number) => stripBytes(shape, strip, tuning) <= tuning.workgroupBytes;
  if (!fits(1)) return null;
  if (
    !tuning.branches &&
    shape.norm &&
    2 * across < kernel &&
    kernel <= widestUnrolled &&
    width <= mostSitesPerInvocation &&
    fits(width)
  ) {
    const invocations = Math.min(tuning.barrierInvocations, roundUp(divideUp(shape.channels, shape.vec), 4));
    return { rowsOf: "map", strip: width, sitesPerInvocation: width, invocations, reductionWidth: 1 };
  }
  const count = divideUp(shape.channels, shape.vec);
  let run = Math.min(across, mostSitesPerInvocation);
  while (across % run !== 0 || !fits(run)) run--;
  const runs = (lines * across) / run;
  const wanted = Math.max(1, Math.floor(tuning.invocations / count));
  const most = Math.max(1, Math.floor(tuning.strip / run));
  let several = Math.min(wanted, most, runs);
  while (several > 1 && !fits(several * run)) several--;
  const strip = several * run;
  const invocations = Math.min(
    tuning.barrierInvocations,
    roundUp(Math.max(several * count, strip * tuning.reductionWidth), 8),
  );
  const share = strip * tuning.reductionWidth <= invocations ? tuning.reductionWidth : 1;
  return { rowsOf: "patch", strip, sitesPerInvocation: run, invocations, reductionWidth: share };
};

/** Sites to normalise from storage: as many as the invocations allow. */
export const chooseNorm = (tuning: TuningProfile, shape: { readonly rows: number }): NormTile => {
  const share = tuning.reductionWidth === 1 ? 1 : tuning.reductionWidth * 2;
  const strip = Math.min(shape.rows, Math.max(1, Math.floor(tuning.invocations / share)));
  return { strip, reductionWidth: share, invocations: roundUp(strip * share, 8) };
};

/** Invocations of the one workgroup that pools an image. */
export const choosePool = (tuning: TuningProfile, channels: number): number =>
  Math.min(tuning.barrierInvocations, roundUp(channels / (channels % 4 === 0 ? 4 : 1), 8));

export const chooseGemv = (tuning: TuningProfile): GemvTile => tuning.gemv;

/** Workgroup memory of a product, without a GRN prologue and sums of squares. */
const gemmBytes = (tile: GemmTile): number =>
  tile.kind === "direct" ? 0 : 16 * (tile.rows * (tile.depth / 4 + 1) + (tile.depth * tile.columns) / 4);

/** Does the second linear work GRN's factors out itself, from `tiles` rows of partial sums, instead of reading them? */
export const grnInline = (tuning: TuningProfile, tile: GemmTile, tiles: number): boolean =>
  tile.kind === "tiled" && tiles <= tuning.grnTiles;

/** Does a downsampling workgroup keep the statistics of its input sites in workgroup memory? */
export const downsampleFits = (tuning: TuningProfile, tile: GemmTile, share: number): boolean =>
  tuning.gemm.kind === "exact" || // CUDA has more than it needs
  gemmBytes(tile) + statBytes(4 * blockTile(tile)[0], share, gemmInvocations(tile)) <= tuning.workgroupBytes;
