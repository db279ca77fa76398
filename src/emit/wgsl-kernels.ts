/**
 * The WGSL kernels: for every kind, from what the planner knows (shapes, flags, tile) to the context of
 * its template, the bindings in order and the grid. All arithmetic is here, all syntax in templates/wgsl.
 *
 * The batch is the z dimension of the grid. Activations hold one image after the other; their bindings
 * are runtime-sized, weights have a fixed size.
 */

import {
  divideUp,
  type GemmTile,
  type GemvTile,
  gemmCell,
  gemmGroup,
  gemmInvocations,
  gemmLanes,
  limits,
  type NormTile,
  packedShape,
  roundUp,
  type StripTile,
  squareRows,
  squareTiles,
} from "../plan/tile.ts";

// Parameters, one interface a kind -----------------------------------------------------------------

export type Gelu = "erf" | "tanh";

/** LayerNorm over channels after the sum; `affine` adds gain and shift. */
export interface NormParams {
  readonly eps: number;
  readonly affine: boolean;
}

export interface DepthwiseParams {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly kernel: number;
  readonly norm: NormParams | null;
  readonly tile: StripTile;
}

/** How a product's rows are scaled per input channel: by a ready vector, or from partial sums of squares. */
export type GrnInput =
  | { readonly kind: "vector" }
  /** `resident`: the whole scale fits in workgroup memory; else it is worked out for the k at hand. */
  | { readonly kind: "partials"; readonly tiles: number; readonly resident: boolean };

export interface GemmParams {
  readonly title: string;
  readonly rows: number;
  readonly depth: number;
  readonly columns: number;
  readonly gelu: Gelu | null;
  readonly residual: boolean;
  readonly grn: GrnInput | null;
  /** Also leave sums of squares of the result, one row per tile. */
  readonly squares: boolean;
  readonly tile: GemmTile;
}

export interface DownsampleParams {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly columns: number;
  readonly norm: { readonly eps: number } | null;
  readonly tile: GemmTile;
}

export interface StemParams {
  readonly height: number;
  readonly width: number;
  readonly inChannels: number;
  readonly channels: number;
  readonly patch: number;
  readonly norm: NormParams | null;
  readonly tile: StripTile;
}

export interface PoolParams {
  readonly sites: number;
  readonly channels: number;
  readonly norm: NormParams | null;
  readonly tile: NormTile;
}

export interface GemvParams {
  readonly title: string;
  readonly depth: number;
  readonly columns: number;
  readonly gelu: Gelu | null;
  readonly residual: boolean;
  readonly tile: GemvTile;
}

export interface GrnScaleParams {
  readonly channels: number;
  readonly tiles: number;
  /** One scale for the whole batch instead of one an image. */
  readonly batch: boolean;
  readonly invocations: number;
}

export interface RowNormParams {
  readonly rows: number;
  readonly channels: number;
  readonly norm: NormParams;
  readonly tile: NormTile;
}

export interface ToChannelsFirstParams {
  readonly sites: number;
  readonly channels: number;
  readonly norm: NormParams | null;
  readonly tile: NormTile;
}

export interface ElementwiseParams {
  readonly op: "gelu" | "gelu-tanh" | "add" | "scale";
  /** Elements of an image. */
  readonly length: number;
  readonly channels: number;
}

export interface PackParams {
  readonly columns: number;
  readonly channels: number;
  /** Spatial taps of the source weight, innermost there: 1 linear, 4 downsample, k*k depthwise. */
  readonly taps: number;
  /** Rows a tap takes in the packed weight, and the whole packed shape. */
  readonly packed: { readonly segment: number; readonly depth: number; readonly columns: number };
  readonly bias: boolean;
  readonly gamma: boolean;
  readonly beta: boolean;
  readonly rowscale: boolean;
}

export interface KernelParams {
  depthwise: DepthwiseParams;
  gemm: GemmParams;
  downsample: DownsampleParams;
  stem: StemParams;
  pool: PoolParams;
  gemv: GemvParams;
  grnScale: GrnScaleParams;
  rowNorm: RowNormParams;
  toChannelsFirst: ToChannelsFirstParams;
  elementwise: ElementwiseParams;
  pack: PackParams;
}

export type KernelKind = keyof KernelParams;

// Result -------------------------------------------------------------------------------------------

/** `activation`: `elements` an image, images one after the other; `weight`: `elements` in all. */
export type Role = "activation" | "weight";

export interface Binding {
  readonly name: string;
  readonly access: "read" | "read_write";
  readonly role: Role;
  /** f32 elements, padding included: the buffer range must be at least this long. */
  readonly elements: number;
}

export type Context = { readonly [name: string]: unknown };

export interface WgslKernel {
  /** File in templates/wgsl, without `.wgsl.hbs`. */
  readonly template: string;
  readonly context: Context;
  readonly bindings: readonly Binding[];
  /** Groups along x and y; z is the batch. */
  readonly grid: readonly [number, number];
  readonly workgroup: readonly [number, number];
}

// Shared pieces ------------------------------------------------------------------------------------

type Vec = 1 | 4;

const vecOf = (channels: number): Vec => (channels % 4 === 0 ? 4 : 1);
const wgslType = (vec: Vec): string => (vec === 4 ? "vec4f" : "f32");
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** A float literal: 320 as "320.0", 1e-6 as "0.000001". */
const float = (x: number): string => (Number.isInteger(x) ? `${x}.0` : String(x));

interface Slot extends Binding {
  readonly vec: Vec;
  readonly note: string;
}

const activation = (
  name: string,
  elements: number,
  vec: Vec,
  note: string,
  access: Binding["access"] = "read",
): Slot => ({
  name,
  access,
  role: "activation",
  elements,
  vec,
  note,
});
const result = (name: string, elements: number, vec: Vec, note: string): Slot =>
  activation(name, elements, vec, note, "read_write");
const weight = (name: string, elements: number, vec: Vec, note: string, access: Binding["access"] = "read"): Slot => ({
  name,
  access,
  role: "weight",
  elements,
  vec,
  note,
});

const slots = (list: readonly (Slot | null)[]): readonly Slot[] => list.filter(slot => slot !== null);

const bindingContext = (list: readonly Slot[]) =>
  list.map(({ name, access, role, elements, vec, note }, index) => ({
    index,
    name,
    access,
    note,
    type: role === "weight" ? `array<${wgslType(vec)}, ${elements / vec}>` : `array<${wgslType(vec)}>`,
  }));

const bindingsOf = (list: readonly Slot[]): readonly Binding[] =>
  list.map(({ name, access, role, elements }) => ({ name, access, role, elements }));

const dims = (...n: number[]): string => n.map(x => `[${x}]`).join("");

/** What partials/token-stats needs: `tokens` tokens of `channels`, `share` invocations each. */
const statsContext = (of: {
  tokens: number;
  channels: number;
  vec: Vec;
  eps: number;
  invocations: number;
  share: number;
}) => {
  const count = of.channels / of.vec;
  return {
    tokens: of.tokens,
    count,
    channels: float(of.channels),
    vec: of.vec,
    vector: of.vec === 4,
    acc: wgslType(of.vec),
    eps: float(of.eps),
    invocations: of.invocations,
    share: of.share,
    single: of.share === 1,
    merge: Math.min(of.share, count),
    reach: count + of.share - 1,
  };
};

const affineSlots = (norm: NormParams | null, channels: number, vec: Vec): (Slot | null)[] =>
  norm?.affine ? [weight("gain", channels, vec, dims(channels)), weight("shift", channels, vec, dims(channels))] : [];

// Depthwise ----------------------------------------------------------------------------------------

/** Kernels wider than this keep a loop over their columns. */
const widestUnrolled = 9;

const depthwise = (p: DepthwiseParams): WgslKernel => {
  const { height, width, channels, kernel, norm, tile } = p;
  const { strip, run, invocations } = tile;
  const vec = vecOf(channels);
  const count = channels / vec;
  const radius = (kernel - 1) / 2;
  const single = strip === run && strip >= width; // one invocation makes the whole row: x is 0
  const ragged = width % strip !== 0;
  const unrolled = kernel <= widestUnrolled;
  const inside = (d: number) => !single || (d >= 0 && d < width);
  const columns = range(run + kernel - 1)
    .map(i => ({ i, d: i - radius }))
    .filter(({ d }) => inside(d));
  const inputs = columns.map(({ i, d }) => ({
    i,
    guarded: !single && (d < 0 || d >= run || ragged),
    before: d < 0,
    column: Math.abs(d),
    offset: d * count,
  }));
  const taps = range(kernel).map(i => ({
    i,
    offset: i * (roundUp(channels, 4) / vec),
    uses: range(run)
      .filter(site => inside(site + i - radius))
      .map(site => ({ site, input: site + i })),
  }));
  const list = slots([
    activation("input", height * width * channels, vec, dims(height, width, channels)),
    weight("weight", kernel * kernel * roundUp(channels, 4), vec, dims(kernel, kernel, roundUp(channels, 4))),
    weight("bias", roundUp(channels, 4), vec, dims(channels)),
    ...affineSlots(norm, channels, vec),
    result("output", height * width * channels, vec, dims(height, width, channels)),
  ]);
  return {
    template: "depthwise",
    context: {
      height,
      width,
      channels,
      kernel,
      radius,
      strip,
      run,
      invocations,
      count,
      ragged,
      unrolled,
      norm: norm !== null,
      affine: norm?.affine ?? false,
      eps: norm === null ? null : float(norm.eps),
      acc: wgslType(vec),
      vector: vec === 4,
      lanesOf: vec === 4 ? "4 channels" : "a channel",
      bindings: bindingContext(list),
      tileLength: strip * count,
      imageLength: height * width * count,
      items: (strip / run) * count,
      runLast: run - 1,
      lastRow: height - 1,
      lastColumn: width - 1,
      rowLength: width * count,
      weightRow: kernel * (roundUp(channels, 4) / vec),
      weightStep: roundUp(channels, 4) / vec,
      sites: range(run).map(i => ({ i, offset: i * count })),
      inputs: unrolled ? inputs : [],
      taps: unrolled ? taps.filter(tap => tap.uses.length > 0) : [],
      guarded: !unrolled || inputs.some(input => input.guarded),
      stats:
        norm === null
          ? null
          : statsContext({ tokens: strip, channels, vec, eps: norm.eps, invocations, share: tile.share }),
    },
    bindings: bindingsOf(list),
    grid: [divideUp(width, strip), height],
    workgroup: [invocations, 1],
  };
};

// Products -----------------------------------------------------------------------------------------

/** Where the rows of the left operand come from. */
interface Operand {
  readonly channels: number;
  readonly taps: number;
  readonly patches: { readonly height: number; readonly width: number } | null;
  readonly eps: number | null;
}

interface Product extends GemmParams {
  readonly operand: Operand;
}

const tailOf = (channels: number) => {
  const tail = channels % 4;
  return { tail, tailList: tail === 0 ? [] : range(4).map(i => ({ i, inside: i < tail })) };
};

const finishContext = (
  p: { rows: number; columns: number; gelu: Gelu | null; residual: boolean },
  guardRows: boolean,
  guardColumns: boolean,
) => ({
  rows: p.rows,
  columns: p.columns,
  columnQuads: divideUp(p.columns, 4),
  columnsVector: p.columns % 4 === 0,
  gelu: p.gelu !== null,
  tanh: p.gelu === "tanh",
  residual: p.residual,
  guard: guardRows || guardColumns,
  guardRows,
  guardColumns,
  acc: "vec4f",
});

const product = (p: Product): WgslKernel => {
  const { rows, columns, tile, operand, grn } = p;
  const { channels, taps, patches, eps } = operand;
  const packed = packedShape(tile, { channels, taps, columns });
  const [groupRows, groupColumns] = gemmGroup(tile);
  const invocations = gemmInvocations(tile);
  const vec = vecOf(channels);
  const columnVec = vecOf(columns);
  const weightQuads = packed.columns / 4;
  const operandQuads = (packed.segment * taps) / 4;
  const tiles = squareTiles(tile, rows);
  const columnQuads = divideUp(columns, 4);
  const outWidth = patches === null ? rows : Math.floor(patches.width / 2);
  const inputElements = patches === null ? rows * channels : patches.height * patches.width * channels;
  const list = slots([
    activation(
      "input",
      inputElements,
      vec,
      patches === null ? dims(rows, channels) : dims(patches.height, patches.width, channels),
    ),
    weight("weight", packed.depth * packed.columns, 4, dims(packed.depth, packed.columns)),
    weight("bias", packed.columns, 4, dims(packed.columns)),
    grn?.kind === "vector" ? activation("scale", roundUp(channels, 4), 4, dims(channels)) : null,
    grn?.kind === "partials"
      ? activation("partials", grn.tiles * roundUp(channels, 4), 4, dims(grn.tiles, channels))
      : null,
    grn?.kind === "partials" ? weight("gamma", roundUp(channels, 4), 4, dims(channels)) : null,
    p.residual ? activation("residual", rows * columns, columnVec, dims(rows, columns)) : null,
    result("output", rows * columns, columnVec, dims(rows, columns)),
    p.squares ? result("squares", tiles * columnQuads * 4, 4, dims(tiles, columns)) : null,
  ]);
  const share = eps === null ? 1 : Math.max(1, Math.floor(invocations / (4 * groupRows)));
  const shared = {
    ...finishContext(p, rows % groupRows !== 0, columnQuads % (groupColumns / 4) !== 0),
    ...tailOf(channels),
    title: p.title,
    depth: channels * taps,
    patches: patches !== null,
    height: patches?.height ?? null,
    width: patches?.width ?? null,
    outHeight: patches === null ? null : Math.floor(patches.height / 2),
    outWidth,
    inputRow: patches === null ? null : (patches.width * channels) / vec,
    norm: eps !== null,
    scaled: grn !== null,
    scaleVector: grn?.kind === "vector",
    scaleChunk: grn?.kind === "partials" && !grn.resident && tile.kind === "tiled" ? tile.depth / 4 : null,
    scaleQuads: roundUp(channels, 4) / 4,
    operand: patches !== null || grn !== null ? "a" : "input",
    squares: p.squares,
    squareRows: squareRows(tile),
    squareTiles: tiles,
    bindings: bindingContext(list),
    vector: vec === 4,
    quads: Math.floor(channels / 4),
    segmentQuads: packed.segment / 4,
    rowLength: channels / vec,
    lastRow: rows - 1,
    groupRows,
    groupColumns,
    groupQuads: groupColumns / 4,
    invocations,
    weightQuads,
    grn: grn?.kind === "partials" ? grnContext(grn, tile, channels) : null,
    stats: eps === null ? null : statsContext({ tokens: 4 * groupRows, channels, vec, eps, invocations, share }),
  };
  const done = {
    bindings: bindingsOf(list),
    grid: [divideUp(columns, groupColumns), divideUp(rows, groupRows)],
  } as const;
  const [tileRows, tileQuads] = gemmCell(tile);
  const [lanesX, lanesY] = gemmLanes(tile);
  const cell = (row: number, column: number) => ({ row, column, name: `c${row}_${column}` });
  const tiled = tile.kind === "tiled";
  const aStride = tiled ? tile.depth / 4 + 1 : 0; // a quad of padding, against bank conflicts
  const weightStep = tiled ? groupColumns / 4 : weightQuads;
  const guardTiles = shared.guardRows && lanesY > 1;
  const cells = {
    tiled,
    lanesX,
    lanesY,
    tileRows,
    tileQuads,
    tileColumns: 4 * tileQuads,
    cellCount: tileRows * tileQuads,
    guardTiles,
    guardSquares: guardTiles || shared.guardColumns,
    rowList: range(tileRows).map(i => ({
      i,
      offset: i * aStride,
      offset4: i * 4,
      cells: range(tileQuads).map(column => cell(i, column)),
    })),
    columnList: range(tileQuads).map(i => ({
      i,
      offset0: i * lanesX,
      offset1: i * lanesX + weightStep,
      offset2: i * lanesX + 2 * weightStep,
      offset3: i * lanesX + 3 * weightStep,
      cells: range(tileRows).map(row => cell(row, i)),
    })),
    cellList: range(tileRows).flatMap(row => range(tileQuads).map(column => cell(row, column))),
  };
  if (tile.kind === "direct") {
    return {
      template: "gemm-direct",
      context: {
        ...shared,
        ...cells,
        tileStats: tileRows * 4,
        cooperative: eps !== null,
        weightStep: 4 * weightQuads,
      },
      ...done,
      workgroup: [lanesX, lanesY],
    };
  }
  const stepQuads = tile.depth / 4;
  return {
    template: "gemm-tiled",
    context: {
      ...shared,
      ...cells,
      depthStep: tile.depth,
      stepQuads,
      stepsQuads: packed.depth / 4,
      operandQuads,
      guardDepth: packed.depth / 4 !== operandQuads,
      aStride,
      aStrideRows: tileRows * aStride,
      aLength: tile.rows * aStride,
      aLoads: tile.rows * stepQuads,
      bLength: tile.depth * (groupColumns / 4),
      sumsLength: invocations * tileQuads,
      sumsRow: lanesX * tileQuads,
    },
    ...done,
    workgroup: [lanesX, lanesY],
  };
};

/** What partials/grn-scale needs: `kept` quads of the scale are in workgroup memory at a time. */
const grnContext = (grn: Extract<GrnInput, { kind: "partials" }>, tile: GemmTile, channels: number) => {
  const count = roundUp(channels, 4) / 4;
  const chunk = tile.kind === "tiled" ? tile.depth / 4 : count;
  return {
    count,
    last: count - 1,
    kept: grn.resident ? count : chunk,
    resident: grn.resident,
    tiles: grn.tiles,
    invocations: gemmInvocations(tile),
    channels: float(channels),
  };
};

const gemm = (p: GemmParams): WgslKernel =>
  product({ ...p, operand: { channels: p.depth, taps: 1, patches: null, eps: null } });

const downsample = (p: DownsampleParams): WgslKernel =>
  product({
    title: "2x2 convolution with stride 2",
    rows: Math.floor(p.height / 2) * Math.floor(p.width / 2),
    depth: 4 * p.channels,
    columns: p.columns,
    gelu: null,
    residual: false,
    grn: null,
    squares: false,
    tile: p.tile,
    operand: {
      channels: p.channels,
      taps: 4,
      patches: { height: p.height, width: p.width },
      eps: p.norm?.eps ?? null,
    },
  });

const gemv = (p: GemvParams): WgslKernel => {
  const { depth, columns, tile } = p;
  const [lanesX, lanesY] = tile.lanes;
  const packed = gemvPacked(tile, { depth, columns });
  const vec = vecOf(depth);
  const columnVec = vecOf(columns);
  const weightQuads = packed.columns / 4;
  const quads = Math.floor(depth / 4);
  const list = slots([
    activation("input", depth, vec, dims(depth)),
    weight("weight", packed.depth * packed.columns, 4, dims(packed.depth, packed.columns)),
    weight("bias", packed.columns, 4, dims(packed.columns)),
    p.residual ? activation("residual", columns, columnVec, dims(columns)) : null,
    result("output", columns, columnVec, dims(columns)),
  ]);
  return {
    template: "gemv",
    context: {
      ...finishContext({ ...p, rows: 1 }, false, divideUp(columns, 4) % lanesX !== 0),
      ...tailOf(depth),
      title: p.title,
      depth,
      bindings: bindingContext(list),
      split: lanesY > 1,
      lanesX,
      lanesY,
      invocations: lanesX * lanesY,
      rowLength: depth / vec,
      vector: vec === 4,
      quads,
      tailRow: 4 * quads * weightQuads,
      tailStart: 4 * quads,
      weightQuads,
      weightRow1: weightQuads,
      weightRow2: 2 * weightQuads,
      weightRow3: 3 * weightQuads,
    },
    bindings: bindingsOf(list),
    grid: [divideUp(columns, 4 * lanesX), 1],
    workgroup: [lanesX, lanesY],
  };
};

/** The packed weight of a gemv. */
export const gemvPacked = (
  tile: GemvTile,
  shape: { readonly depth: number; readonly columns: number },
): PackParams["packed"] => {
  const depth = roundUp(shape.depth, 4);
  return { segment: depth, depth, columns: roundUp(shape.columns, 4 * tile.lanes[0]) };
};

/** The packed weight of a depthwise convolution: [k*k][C], C padded to 4. */
export const depthwisePacked = (shape: {
  readonly kernel: number;
  readonly channels: number;
}): PackParams["packed"] => ({
  segment: 1,
  depth: shape.kernel * shape.kernel,
  columns: roundUp(shape.channels, 4),
});

/** The packed weight of a stem: [Cin*p*p][N], N padded to 4. */
export const stemPacked = (shape: {
  readonly inChannels: number;
  readonly patch: number;
  readonly channels: number;
}): PackParams["packed"] => {
  const depth = shape.inChannels * shape.patch * shape.patch;
  return { segment: depth, depth, columns: roundUp(shape.channels, 4) };
};

const grnScale = (p: GrnScaleParams): WgslKernel => {
  const { channels, tiles, batch, invocations } = p;
  const padded = roundUp(channels, 4);
  const list = [
    activation("partials", tiles * padded, 4, dims(tiles, channels)),
    weight("gamma", padded, 4, dims(channels)),
    result("scale", padded, 4, dims(channels)),
  ];
  return {
    template: "grn-scale",
    context: {
      channels,
      tiles,
      batch,
      invocations,
      count: padded / 4,
      channelsFloat: float(channels),
      bindings: bindingContext(list),
    },
    bindings: bindingsOf(list),
    grid: [1, 1],
    workgroup: [invocations, 1],
  };
};

// Ends ---------------------------------------------------------------------------------------------

const stem = (p: StemParams): WgslKernel => {
  const { height, width, inChannels, channels, patch, norm, tile } = p;
  const { strip, run, invocations } = tile;
  const outHeight = Math.floor(height / patch);
  const outWidth = Math.floor(width / patch);
  const vec = vecOf(channels);
  const padded = roundUp(channels, 4);
  const count = padded / 4;
  const matrix = patch % 4 === 0;
  const vectorLoads = matrix && width % 4 === 0;
  const patchQuads = vectorLoads ? patch / 4 : patch;
  const ragged = outWidth % strip !== 0;
  const sites = range(run).map(i => ({ i, offset: i * patchQuads, tileOffset: i * count }));
  const list = slots([
    activation("input", inChannels * height * width, vectorLoads ? 4 : 1, dims(inChannels, height, width)),
    weight("weight", inChannels * patch * patch * padded, 4, dims(inChannels, patch, patch, padded)),
    weight("bias", padded, 4, dims(channels)),
    ...affineSlots(norm, channels, vec),
    result("output", outHeight * outWidth * channels, vec, dims(outHeight, outWidth, channels)),
  ]);
  return {
    template: "stem",
    context: {
      height,
      width,
      inChannels,
      channels,
      patch,
      outHeight,
      outWidth,
      strip,
      run,
      invocations,
      ragged,
      matrix,
      sites,
      columnStep: patchQuads === 1 ? null : patchQuads,
      norm: norm !== null,
      affine: norm?.affine ?? false,
      eps: norm === null ? null : float(norm.eps),
      vector: vec === 4,
      count,
      bindings: bindingContext(list),
      tileLength: strip * count,
      items: (strip / run) * count,
      runLast: run - 1,
      lastColumn: outWidth - 1,
      imageLength: (inChannels * height * width) / (vectorLoads ? 4 : 1),
      rowLength: vectorLoads ? width / 4 : width,
      weightStep: patch * count,
      quadLoads: matrix && !vectorLoads,
      taps: range(matrix ? patch / 4 : patch).map(i => ({
        i,
        step: vectorLoads ? i : matrix ? 4 * i : i,
        offset0: (matrix ? 4 * i : i) * count,
        offset1: (4 * i + 1) * count,
        offset2: (4 * i + 2) * count,
        offset3: (4 * i + 3) * count,
        sites: sites.map(site => ({ ...site, tap: i, step: vectorLoads ? i : matrix ? 4 * i : i })),
      })),
      stats:
        norm === null
          ? null
          : statsContext({ tokens: strip, channels, vec, eps: norm.eps, invocations, share: tile.share }),
    },
    bindings: bindingsOf(list),
    grid: [divideUp(outWidth, strip), outHeight],
    workgroup: [invocations, 1],
  };
};

/** Longest plain sum of a mean; longer ones are summed in blocks. */
const longestSum = 1024;

const pool = (p: PoolParams): WgslKernel => {
  const { sites, channels, norm, tile } = p;
  const { invocations, share } = tile;
  const vec = vecOf(channels);
  const list = slots([
    activation("input", sites * channels, vec, dims(sites, channels)),
    ...affineSlots(norm, channels, vec),
    result("output", channels, vec, dims(channels)),
  ]);
  return {
    template: "pool",
    context: {
      sites,
      channels,
      invocations,
      norm: norm !== null,
      affine: norm?.affine ?? false,
      eps: norm === null ? null : float(norm.eps),
      acc: wgslType(vec),
      count: channels / vec,
      sitesFloat: float(sites),
      blocked: sites > longestSum,
      block: 256,
      bindings: bindingContext(list),
      stats: norm === null ? null : statsContext({ tokens: 1, channels, vec, eps: norm.eps, invocations, share }),
    },
    bindings: bindingsOf(list),
    grid: [1, 1],
    workgroup: [invocations, 1],
  };
};

// Fallbacks ----------------------------------------------------------------------------------------

const rowNorm = (p: RowNormParams): WgslKernel => {
  const { rows, channels, norm, tile } = p;
  const { strip, invocations, share } = tile;
  const vec = vecOf(channels);
  const count = channels / vec;
  const list = slots([
    activation("input", rows * channels, vec, dims(rows, channels)),
    ...affineSlots(norm, channels, vec),
    result("output", rows * channels, vec, dims(rows, channels)),
  ]);
  const [x, y] = grid1(divideUp(rows, strip));
  return {
    template: "row-norm",
    context: {
      rows,
      channels,
      strip,
      invocations,
      count,
      affine: norm.affine,
      eps: float(norm.eps),
      acc: wgslType(vec),
      ragged: rows % strip !== 0,
      stripLength: strip * count,
      bindings: bindingContext(list),
      stats: statsContext({ tokens: strip, channels, vec, eps: norm.eps, invocations, share }),
    },
    bindings: bindingsOf(list),
    grid: [x, y],
    workgroup: [invocations, 1],
  };
};

const toChannelsFirst = (p: ToChannelsFirstParams): WgslKernel => {
  const { sites, channels, norm, tile } = p;
  const { strip, invocations, share } = tile;
  const list = slots([
    activation("input", sites * channels, 1, dims(sites, channels)),
    ...affineSlots(norm, channels, 1),
    result("output", sites * channels, 1, dims(channels, sites)),
  ]);
  return {
    template: "to-channels-first",
    context: {
      sites,
      channels,
      strip,
      invocations,
      norm: norm !== null,
      affine: norm?.affine ?? false,
      eps: norm === null ? null : float(norm.eps),
      ragged: sites % strip !== 0,
      stripLength: strip * channels,
      bindings: bindingContext(list),
      stats:
        norm === null ? null : statsContext({ tokens: strip, channels, vec: 1, eps: norm.eps, invocations, share }),
    },
    bindings: bindingsOf(list),
    grid: [divideUp(sites, strip), 1],
    workgroup: [invocations, 1],
  };
};

const formulas: { readonly [op in ElementwiseParams["op"]]: string } = {
  gelu: "output = gelu(input)",
  "gelu-tanh": "output = gelu(input)",
  add: "output = input + other",
  scale: "output[t,c] = input[t,c] * factor[c]",
};

/** Splits n groups over x and y. */
const grid1 = (n: number): readonly [number, number] => {
  const y = divideUp(n, limits.groups);
  return [divideUp(n, y), y];
};

const elementwise = (p: ElementwiseParams): WgslKernel => {
  const { op, length, channels } = p;
  const vec: Vec = length % 4 === 0 && (op !== "scale" || channels % 4 === 0) ? 4 : 1;
  const count = length / vec;
  const invocations = 64;
  const grid = grid1(divideUp(count, invocations));
  const list = slots([
    activation("input", length, vec, dims(length)),
    op === "add" ? activation("other", length, vec, dims(length)) : null,
    op === "scale" ? weight("factor", channels, vec, dims(channels)) : null,
    result("output", length, vec, dims(length)),
  ]);
  return {
    template: "elementwise",
    context: {
      length,
      channels,
      count,
      invocations,
      formula: formulas[op],
      channelwise: op === "scale",
      channelCount: channels / vec,
      acc: wgslType(vec),
      add: op === "add",
      scale: op === "scale",
      gelu: op === "gelu" || op === "gelu-tanh",
      tanh: op === "gelu-tanh",
      gridX: grid[0],
      ragged: grid[0] * grid[1] * invocations !== count,
      bindings: bindingContext(list),
    },
    bindings: bindingsOf(list),
    grid,
    workgroup: [invocations, 1],
  };
};

// Setup --------------------------------------------------------------------------------------------

const pack = (p: PackParams): WgslKernel => {
  const { columns, channels, taps, packed, bias, gamma, beta, rowscale } = p;
  const depth = channels * taps;
  const invocations = 64;
  const list = slots([
    weight("weight", columns * depth, 1, taps === 1 ? dims(columns, depth) : dims(columns, channels, taps)),
    bias ? weight("bias", columns, 1, dims(columns)) : null,
    gamma ? weight("gamma", channels, 1, dims(channels)) : null,
    beta ? weight("beta", channels, 1, dims(channels)) : null,
    rowscale ? weight("rowscale", columns, 1, dims(columns)) : null,
    weight("packed", packed.depth * packed.columns, 1, dims(packed.depth, packed.columns), "read_write"),
    weight("packed_bias", packed.columns, 1, dims(packed.columns), "read_write"),
  ]);
  return {
    template: "pack",
    context: {
      columns,
      channels,
      taps,
      depth,
      bias,
      gamma,
      beta,
      rowscale,
      invocations,
      tapped: taps > 1,
      biased: bias || beta,
      segment: packed.segment,
      packedDepth: packed.depth,
      packedColumns: packed.columns,
      lastColumn: columns - 1,
      usedDepth: taps * packed.segment,
      padded: taps * packed.segment !== packed.depth,
      bindings: bindingContext(list),
    },
    bindings: bindingsOf(list),
    grid: [divideUp(packed.columns, invocations), 1],
    workgroup: [invocations, 1],
  };
};

/** Every kernel kind. */
export const kernels: { readonly [K in KernelKind]: (params: KernelParams[K]) => WgslKernel } = {
  depthwise,
  gemm,
  downsample,
  stem,
  pool,
  gemv,
  grnScale,
  rowNorm,
  toChannelsFirst,
  elementwise,
  pack,
};

/** Partials of templates/wgsl/partials, by file name. */
export const partials = [
  "bindings",
  "gelu",
  "gemm-direct-loop",
  "gemm-direct-step",
  "gemm-fetch",
  "gemm-finish",
  "gemm-finish-cells",
  "gemm-head",
  "grn-scale",
  "patch-corner",
  "quad",
  "token-stats",
  "token-stats-memory",
] as const;
