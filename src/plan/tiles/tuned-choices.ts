/** What a tuning table says to a build: choices for single shapes. Every other shape is left to the tuning profile. */
export interface TunedChoices {
  /** By `productKey`. */
  readonly products: ReadonlyMap<string, ProductChoice>;
  /** By `depthwiseKey`. */
  readonly depthwise: ReadonlyMap<string, DepthwiseChoice>;
  /** By `productKey` of a block's first linear: where the hidden values between the two are rematerialised. */
  readonly mlps: ReadonlyMap<string, MlpChoice>;
}

export interface ProductShape {
  /** Rows of an image, inner dimension, columns. */
  readonly rows: number;
  readonly depth: number;
  readonly columns: number;
}

export interface ProductChoice {
  /** Of a block. */
  readonly rows: number;
  readonly columns: number;
  /** Rows of a warp on tensor cores, where a block has as many: more take more registers and less shared memory. */
  readonly warpRows: 32 | 64;
  /** Most of the inner dimension that tensor cores take at a time. */
  readonly step: 32 | 64;
  /** Most steps in shared memory, of which one is multiplied while the others are on their way. */
  readonly stages: 2 | 3 | 4;
  /** Most blocks that share the inner dimension of a tile on tensor cores, where no statistics are made of the result. */
  readonly split: number;
}

export interface DepthwiseShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly kernel: number;
}

export interface DepthwiseChoice {
  /** Sites that a thread makes at a time. */
  readonly rows: number;
  readonly columns: number;
  /** Rows that it makes one after the other; `rows` where it makes all its sites at once. */
  readonly strip: number;
  /** Threads of a block along the row, for each channel. */
  readonly groups: number;
}

/** How one kernel makes both linears of a block. */
export interface MlpChoice {
  /** Of a block, and of a warp. */
  readonly rows: 64 | 128;
  readonly warpRows: 16 | 32;
  /** Columns of the first linear that are made at a time. */
  readonly step: 32 | 64;
}

export const productKey = ({ rows, depth, columns }: ProductShape): string => `${rows}x${depth}x${columns}`;

export const depthwiseKey = ({ height, width, channels, kernel }: DepthwiseShape): string =>
  `${height}x${width}x${channels} by ${kernel}`;

export const untuned: TunedChoices = { products: new Map(), depthwise: new Map(), mlps: new Map() };
