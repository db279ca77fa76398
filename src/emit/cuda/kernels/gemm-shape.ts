import { invariant } from "../../../diagnostics/invariant.ts";
import type { Precision } from "../../../model/model.ts";
import type { GemmParams } from "../../../plan/kernels.ts";
import { blockTile, divideUp, type GemmTile, packedShape, roundUp, squareTiles } from "../../../plan/tiles/tile.ts";
import { maskContext } from "../../patches.ts";
import { dims, geluWord } from "../../simple/kernel.ts";
import {
  activation,
  type CudaOperand,
  counterOperand,
  geluName,
  maskOperand,
  result,
  type Setting,
  storageBytes,
  storageOf,
  weight,
} from "./shared.ts";

/** Where the rows of the left operand come from. */
export interface Operand {
  readonly channels: number;
  readonly patches: { readonly height: number; readonly width: number } | null;
  readonly eps: number | null;
}

export const packedOf = ({ tile, columns }: GemmParams, { channels, patches }: Operand) =>
  packedShape(tile, { channels, taps: patches === null ? 1 : 4, columns });

export type Common = ReturnType<typeof common>;

/** What both ways to multiply share: sizes, guards, operands. */
export function common(p: GemmParams, operand: Operand, { precision }: Setting) {
  const { channels, patches, eps } = operand;
  const [finish, stored] = [p.grnEpilogue ?? false, !p.statisticsOnly];
  const { rows, columns, tile, grn } = p;
  const [blockRows, blockColumns] = blockTile(tile);
  const packed = packedOf(p, operand);
  const tiles = squareTiles(tile, rows);
  const inputLength = patches === null ? rows * channels : patches.height * patches.width * channels;
  const inputNote = patches === null ? dims(rows, channels) : dims(patches.height, patches.width, channels);
  const grid = [divideUp(columns, blockColumns), divideUp(rows, blockRows)] as const;
  const operands: readonly (CudaOperand | null)[] = [
    activation("input", inputLength, inputNote),
    weight("weight", packed.depth * packed.columns, dims(packed.depth, packed.columns), "matrix"),
    weight("bias", packed.columns, dims(packed.columns)),
    grn === null ? null : activation("scale", channels, dims(channels), "f32"),
    p.residual ? activation("residual", rows * columns, dims(rows, columns)) : null,
    p.mask === null ? null : maskOperand(p.mask),
    stored ? result("output", rows * columns, dims(rows, columns)) : null,
    p.hidden ? result("hidden", rows * columns, dims(rows, columns)) : null,
    p.squares ? result("squares", tiles * columns, dims(tiles, columns), "f32") : null,
    finish ? weight("gamma", columns, dims(columns)) : null,
    finish ? result("scale", columns, dims(columns), "f32") : null,
    finish ? counterOperand(1, "") : null,
  ];
  const present = operands.filter(one => one !== null);
  const gelu = p.gelu === null ? null : geluName(p.gelu, precision);
  return {
    operands: present,
    grid,
    packed,
    blockRows,
    blockColumns,
    step: depthOf(tile),
    context: {
      title: p.title,
      rows,
      depth: patches === null ? channels : 4 * packed.segment,
      columns,
      channels,
      segment: packed.segment,
      patches: patches !== null,
      width: patches?.width ?? null,
      outWidth: patches === null ? null : Math.floor(patches.width / 2),
      norm: eps !== null,
      eps: eps === null ? null : String(eps),
      scaled: grn !== null,
      operand: patches !== null || grn !== null ? "a" : "input",
      gelu,
      activationWord: p.gelu === null ? null : geluWord[p.gelu],
      activated: gelu === null ? "x" : `${gelu}(x)`,
      residual: p.residual,
      mask: p.mask === null ? null : maskContext(p.mask),
      masked: p.mask !== null,
      absent: optional.filter(({ name }) => !present.some(({ role }) => role === name)),
      squares: p.squares,
      hidden: p.hidden ?? false,
      finish,
      stored,
      squareTiles: tiles,
      fewTiles: tiles <= 4,
      imageBlocks: grid[0] * grid[1],
      imageBlocksLess: grid[0] * grid[1] - 1,
      blockRows,
      blockColumns,
      inputLength,
      weightRow: packed.columns,
      vector: channels % 4 === 0,
      statTokens: 4 * blockRows,
    },
  };
}

/** Operands that not every product has; a kernel names them all. */
const optional = [
  { name: "scale", type: "float" },
  { name: "residual", type: "T" },
  { name: "output", type: "T" },
  { name: "squares", type: "float" },
] as const;

const depthOf = (tile: GemmTile): number => (tile.kind === "tiled" ? tile.depth : 16);

/** Shared memory of the last block of an image: norms and sums. */
export const epilogueBytes = (columns: number, threads: number) => {
  const sumsAt = roundUp(4 * columns, 16);
  return { sumsAt, bytes: sumsAt + 4 * threads };
};

/** How the lanes of a warp share the sites that a downsampling normalises. */
export const statLanes = (channels: number, sites: number, warps: number) => {
  const quads = Math.ceil(channels / 4);
  const lanes = [8, 16, 32].find(count => quads <= 6 * count && sites % ((32 / count) * warps) === 0) ?? 32;
  return {
    statLanes: lanes,
    statWarp: 32 / lanes,
    statStep: (32 / lanes) * warps,
    statQuads: Math.ceil(quads / lanes),
    statRagged: quads % lanes !== 0,
  };
};

/** How far a step of the inner dimension goes, how many there are, and how many blocks share them. */
export function stepping({ choice, squares }: GemmParams, depth: number, precision: Precision) {
  invariant(choice, "a product on tensor cores has no tile of theirs");
  const bytes = storageBytes[storageOf(precision)];
  const step = [choice.step, 32].map(size => (2 * size) / bytes).find(size => depth % size === 0) ?? 16;
  const steps = depth / step;
  return { step, steps, parts: squares ? 1 : Math.min(choice.split, steps) };
}
