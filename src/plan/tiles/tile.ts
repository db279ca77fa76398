// Tiles: how much of a kernel's result one workgroup and one invocation make. `choose-tile.ts` says which.

/** A matrix product: registers straight from storage, or tiles in workgroup memory. */
export type GemmTile = DirectTile | TiledTile;

export interface DirectTile {
  readonly kind: "direct";
  /** Rows of an invocation's tile. */
  readonly rows: number;
  /** Column quads of an invocation's tile. */
  readonly quads: number;
  /** Workgroup size: invocations along the columns and along the rows. */
  readonly workgroup: readonly [number, number];
}

export interface TiledTile {
  readonly kind: "tiled";
  /** Rows and columns of the block tile: what a workgroup makes. */
  readonly rows: number;
  readonly columns: number;
  /** Rows and column quads of the thread tile: what an invocation makes, its sums in registers. */
  readonly threadTile: readonly [number, number];
  /** Slice of the inner dimension in workgroup memory. */
  readonly depth: number;
}

export interface StripTile {
  /** Sites of one row that a workgroup makes: the length of its block tile. */
  readonly strip: number;
  /** Of them, those that an invocation makes at a time. */
  readonly sitesPerInvocation: number;
  readonly invocations: number;
  /** Invocations that reduce the channels of one site together. */
  readonly reductionWidth: number;
}

/** What a compact convolution goes through: rows of kept patches, or rows of the whole map that they lie on. */
export interface LineTile extends StripTile {
  readonly rowsOf: "patch" | "map";
}

export interface NormTile {
  /** Sites that a workgroup normalises. */
  readonly strip: number;
  readonly invocations: number;
  /** Invocations that reduce the channels of one site together. */
  readonly reductionWidth: number;
}

export interface GemvTile {
  /** Workgroup size: invocations along the columns, and slices of the inner dimension. */
  readonly workgroup: readonly [number, number];
}

export const divideUp = (a: number, b: number): number => Math.ceil(a / b);
export const roundUp = (a: number, b: number): number => divideUp(a, b) * b;

/** Rows and columns that one workgroup makes. */
export const blockTile = (tile: GemmTile): readonly [number, number] =>
  tile.kind === "tiled"
    ? [tile.rows, tile.columns]
    : [tile.rows * tile.workgroup[1], tile.quads * 4 * tile.workgroup[0]];

/** Rows and column quads that one invocation makes. */
export const threadTileOf = (tile: GemmTile): readonly [number, number] =>
  tile.kind === "tiled" ? tile.threadTile : [tile.rows, tile.quads];

/** Invocations along the columns and along the rows. */
export const workgroupSize = (tile: GemmTile): readonly [number, number] =>
  tile.kind === "tiled" ? [tile.columns / (4 * tile.threadTile[1]), tile.rows / tile.threadTile[0]] : tile.workgroup;

export const gemmInvocations = (tile: GemmTile): number => {
  const [x, y] = workgroupSize(tile);
  return x * y;
};

/** Rows over which one row of partial sums of squares runs. */
export const squareRows = (tile: GemmTile): number => tile.rows;

/** How many rows of partial sums a product of `rows` rows leaves. */
export const squareTiles = (tile: GemmTile, rows: number): number => divideUp(rows, squareRows(tile));

/** The packed weight of a product: `depth` = taps x (channels padded to 4), padded to the tile. */
export const packedShape = (
  tile: GemmTile,
  shape: { readonly channels: number; readonly taps: number; readonly columns: number },
): { readonly segment: number; readonly depth: number; readonly columns: number } => {
  const segment = roundUp(shape.channels, 4);
  const depth = segment * shape.taps;
  return {
    segment,
    depth: tile.kind === "tiled" ? roundUp(depth, tile.depth) : depth,
    columns: roundUp(shape.columns, blockTile(tile)[1]),
  };
};

export interface GemmShape {
  readonly rows: number;
  readonly depth: number;
  readonly columns: number;
  /** Images known to run together; 1 if not known. */
  readonly batch?: number;
}
