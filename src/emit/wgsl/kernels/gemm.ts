import { type DownsampleParams, downsampleProduct, type GemmParams } from "../../../plan/kernels.ts";
import {
  blockTile,
  divideUp,
  gemmInvocations,
  packedShape,
  roundUp,
  squareRows,
  squareTiles,
  threadTileOf,
  workgroupSize,
} from "../../../plan/tiles/tile.ts";
import { dims } from "../../simple/kernel.ts";
import {
  activation,
  bindingContext,
  epilogueContext,
  f16Allowed,
  float,
  type KernelSource,
  maskSlot,
  operandsOf,
  plus,
  plusTimes,
  range,
  result,
  type Size,
  sizesFor,
  slots,
  statsContext,
  tailOf,
  vecOf,
  weight,
} from "./shared.ts";

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

const product = (p: Product, shared: boolean): KernelSource => {
  const shares = shared && p.tile.kind === "direct";
  const { size, taken } = sizesFor(shares);
  const { rows, columns, tile, operand, grn } = p;
  const { channels, taps, patches, eps } = operand;
  const packed = packedShape(tile, { channels, taps, columns });
  const [groupRows, groupColumns] = blockTile(tile);
  const invocations = gemmInvocations(tile);
  const vec = vecOf(channels);
  const columnVec = vecOf(columns);
  const weightQuads = packed.columns / 4;
  const operandQuads = (packed.segment * taps) / 4;
  const tiles = squareTiles(tile, rows);
  const columnQuads = divideUp(columns, 4);
  const scaleQuads = divideUp(channels, 4);
  const outWidth = patches === null ? rows : Math.floor(patches.width / 2);
  const inputElements = patches === null ? rows * channels : patches.height * patches.width * channels;
  // What texts say of shapes alone is no size that they read.
  const named = (name: string, value: number): Size => (shares ? name : value);
  const inner = named("depth", channels);
  const [shape, made] = [
    [size("rows", rows), inner],
    [size("rows", rows), size("columns", columns)],
  ] as const;
  const list = slots([
    f16Allowed(
      activation(
        "input",
        inputElements,
        vec,
        patches === null ? dims(...shape) : dims(size("height", patches.height), size("width", patches.width), inner),
      ),
    ),
    f16Allowed(
      weight(
        "weight",
        packed.depth * packed.columns,
        4,
        dims(named("depth", packed.depth), named("columns", packed.columns)),
      ),
    ),
    weight("bias", packed.columns, 4, dims(named("columns", packed.columns))),
    grn?.kind === "vector" ? activation("scale", roundUp(channels, 4), 4, dims(inner)) : null,
    grn?.kind === "partials"
      ? activation("partials", grn.tiles * roundUp(channels, 4), 4, dims(grn.tiles, channels))
      : null,
    grn?.kind === "partials" ? weight("gamma", roundUp(channels, 4), 4, dims(channels)) : null,
    p.residual ? f16Allowed(activation("residual", rows * columns, columnVec, dims(...made))) : null,
    p.mask === null ? null : maskSlot(p.mask),
    f16Allowed(result("output", rows * columns, columnVec, dims(...made))),
    p.squares ? result("squares", tiles * columnQuads * 4, 4, dims(size("squareTiles", tiles), made[1])) : null,
    p.hidden ? f16Allowed(result("hidden", rows * columns, columnVec, dims(...made))) : null,
  ]);
  const share = eps === null ? 1 : Math.max(1, Math.floor(invocations / (4 * groupRows)));
  const ofPatches = (name: string, value: number | undefined): Size | null =>
    value === undefined ? null : size(name, value);
  const common = {
    ...epilogueContext(p, shares || rows % groupRows !== 0, shares || columnQuads % (groupColumns / 4) !== 0, size),
    ...tailOf(channels),
    title: p.title,
    depth: named("depth", channels * taps),
    patches: patches !== null,
    height: ofPatches("height", patches?.height),
    width: ofPatches("width", patches?.width),
    outHeight: patches === null ? null : named("height / 2", Math.floor(patches.height / 2)),
    outWidth: patches === null ? outWidth : size("outWidth", outWidth),
    inputRow: patches === null ? null : size("inputRow", (patches.width * channels) / vec),
    norm: eps !== null,
    scaled: grn !== null,
    scaleQuads: grn === null ? scaleQuads : size("scaleQuads", scaleQuads),
    operand: patches !== null || grn !== null ? "a" : "input",
    squares: p.squares,
    squareRows: squareRows(tile),
    squareTiles: p.squares ? size("squareTiles", tiles) : tiles,
    bindings: bindingContext(list, shares),
    vector: vec === 4,
    quads: channels < 4 ? 0 : size("quads", Math.floor(channels / 4)),
    segmentQuads: patches === null ? packed.segment / 4 : size("segmentQuads", packed.segment / 4),
    rowLength: size("rowLength", channels / vec),
    lastRow: size("lastRow", rows - 1),
    groupRows,
    groupColumns,
    groupQuads: groupColumns / 4,
    invocations,
    weightQuads,
    grn:
      grn?.kind === "partials"
        ? { count: scaleQuads, last: scaleQuads - 1, tiles: grn.tiles, channels: float(channels) }
        : null,
    stats:
      eps === null
        ? null
        : statsContext({ tokens: 4 * groupRows, channels, eps, tile: { invocations, reductionWidth: share } }, size),
  };
  const done = {
    operands: operandsOf(list),
    sizes: taken,
    grid: [divideUp(columns, groupColumns), divideUp(rows, groupRows)],
  } as const;
  const [tileRows, tileQuads] = threadTileOf(tile);
  const [invocationsX, invocationsY] = workgroupSize(tile);
  const cell = (row: number, column: number) => ({ row, column, name: `c${row}_${column}` });
  const tiled = tile.kind === "tiled";
  const aStride = tiled ? tile.depth / 4 + 1 : 0; // a quad of padding, against bank conflicts
  const weightStep = tiled ? groupColumns / 4 : size("weightQuads", weightQuads);
  const rowAt = (m: string) => (common.guardRows ? `min(${m}, ${common.lastRow})` : m);
  const tileInside = [
    ...(common.guardRows && invocationsY > 1 ? [`tile < ${common.squareTiles}`] : []),
    ...(common.guardColumns ? [`column < ${common.columnQuads}`] : []),
  ];
  const cells = {
    tiled,
    lanesX: invocationsX,
    lanesY: invocationsY,
    tileRows,
    tileQuads,
    tileColumns: 4 * tileQuads,
    cellCount: tileRows * tileQuads,
    rowAt: rowAt("m"),
    tileInside: tileInside.join(" && ") || "true",
    rowList: range(tileRows).map(i => ({
      i,
      more: plus(i),
      at: rowAt(`m${plus(i)}`),
      offset: plus(i * aStride),
      offset4: plus(i * 4),
      cells: range(tileQuads).map(column => cell(i, column)),
    })),
    columnList: range(tileQuads).map(i => ({
      i,
      offset0: plus(i * invocationsX),
      offset1: plusTimes(1, weightStep, i * invocationsX),
      offset2: plusTimes(2, weightStep, i * invocationsX),
      offset3: plusTimes(3, weightStep, i * invocationsX),
      cells: range(tileRows).map(row => cell(row, i)),
    })),
    cellList: range(tileRows).flatMap(row => range(tileQuads).map(column => cell(row, column))),
  };
  if (tile.kind === "direct") {
    return {
      template: "wgsl/gemm-direct",
      context: {
        ...common,
        ...cells,
        tileStats: tileRows * 4,
        cooperative: eps !== null,
        weightStep: size("weightStep", 4 * weightQuads),
      },
      ...done,
      workgroup: [invocationsX, invocationsY],
    };
  }
  const stepQuads = tile.depth / 4;
  return {
    template: "wgsl/gemm-tiled",
    context: {
      ...common,
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
      sumsRow: invocationsX * tileQuads,
    },
    ...done,
    workgroup: [invocationsX, invocationsY],
  };
};

export const gemm = (p: GemmParams, shared: boolean): KernelSource =>
  product({ ...p, operand: { channels: p.depth, taps: 1, patches: null, eps: null } }, shared);

export const downsample = (p: DownsampleParams, shared: boolean): KernelSource => {
  const patches = { height: p.height, width: p.width };
  const operand = { channels: p.channels, taps: 4, patches, eps: p.norm?.eps ?? null };
  return product({ ...downsampleProduct(p), operand }, shared);
};
