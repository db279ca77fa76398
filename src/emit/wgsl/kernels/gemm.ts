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
  range,
  result,
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

const product = (p: Product): KernelSource => {
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
  const list = slots([
    f16Allowed(
      activation(
        "input",
        inputElements,
        vec,
        patches === null ? dims(rows, channels) : dims(patches.height, patches.width, channels),
      ),
    ),
    f16Allowed(weight("weight", packed.depth * packed.columns, 4, dims(packed.depth, packed.columns))),
    weight("bias", packed.columns, 4, dims(packed.columns)),
    grn?.kind === "vector" ? activation("scale", roundUp(channels, 4), 4, dims(channels)) : null,
    grn?.kind === "partials"
      ? activation("partials", grn.tiles * roundUp(channels, 4), 4, dims(grn.tiles, channels))
      : null,
    grn?.kind === "partials" ? weight("gamma", roundUp(channels, 4), 4, dims(channels)) : null,
    p.residual ? f16Allowed(activation("residual", rows * columns, columnVec, dims(rows, columns))) : null,
    p.mask === null ? null : maskSlot(p.mask),
    f16Allowed(result("output", rows * columns, columnVec, dims(rows, columns))),
    p.squares ? result("squares", tiles * columnQuads * 4, 4, dims(tiles, columns)) : null,
    p.hidden ? f16Allowed(result("hidden", rows * columns, columnVec, dims(rows, columns))) : null,
  ]);
  const share = eps === null ? 1 : Math.max(1, Math.floor(invocations / (4 * groupRows)));
  const shared = {
    ...epilogueContext(p, rows % groupRows !== 0, columnQuads % (groupColumns / 4) !== 0),
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
    scaleQuads,
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
    grn:
      grn?.kind === "partials"
        ? { count: scaleQuads, last: scaleQuads - 1, tiles: grn.tiles, channels: float(channels) }
        : null,
    stats:
      eps === null
        ? null
        : statsContext({ tokens: 4 * groupRows, channels, eps, tile: { invocations, reductionWidth: share } }),
  };
  const done = {
    operands: operandsOf(list),
    grid: [divideUp(columns, groupColumns), divideUp(rows, groupRows)],
  } as const;
  const [tileRows, tileQuads] = threadTileOf(tile);
  const [invocationsX, invocationsY] = workgroupSize(tile);
  const cell = (row: number, column: number) => ({ row, column, name: `c${row}_${column}` });
  const tiled = tile.kind === "tiled";
  const aStride = tiled ? tile.depth / 4 + 1 : 0; // a quad of padding, against bank conflicts
  const weightStep = tiled ? groupColumns / 4 : weightQuads;
  const rowAt = (m: string) => (shared.guardRows ? `min(${m}, ${rows - 1})` : m);
  const tileInside = [
    ...(shared.guardRows && invocationsY > 1 ? [`tile < ${tiles}`] : []),
    ...(shared.guardColumns ? [`column < ${columnQuads}`] : []),
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
      offset1: plus(i * invocationsX + weightStep),
      offset2: plus(i * invocationsX + 2 * weightStep),
      offset3: plus(i * invocationsX + 3 * weightStep),
      cells: range(tileRows).map(row => cell(row, i)),
    })),
    cellList: range(tileRows).flatMap(row => range(tileQuads).map(column => cell(row, column))),
  };
  if (tile.kind === "direct") {
    return {
      template: "wgsl/gemm-direct",
      context: {
        ...shared,
        ...cells,
        tileStats: tileRows * 4,
        cooperative: eps !== null,
        weightStep: 4 * weightQuads,
      },
      ...done,
      workgroup: [invocationsX, invocationsY],
    };
  }
  const stepQuads = tile.depth / 4;
  return {
    template: "wgsl/gemm-tiled",
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
      sumsRow: invocationsX * tileQuads,
    },
    ...done,
    workgroup: [invocationsX, invocationsY],
  };
};

export const gemm = (p: GemmParams): KernelSource =>
  product({ ...p, operand: { channels: p.depth, taps: 1, patches: null, eps: null } });

export const downsample = (p: DownsampleParams): KernelSource =>
  product({
    ...downsampleProduct(p),
    operand: {
      channels: p.channels,
      taps: 4,
      patches: { height: p.height, width: p.width },
      eps: p.norm?.eps ?? null,
    },
  });
