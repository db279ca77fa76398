import * as path from "node:path";
import { describe, expect, test } from "vitest";
import {
  chooseGemm,
  chooseLines,
  chooseNorm,
  choosePool,
  chooseStrip,
  downsampleFits,
  exactTiles,
  grnInline,
  type LineShape,
  type StripShape,
} from "../../../src/plan/tiles/choose-tile.ts";
import {
  blockTile,
  type GemmShape,
  type GemmTile,
  gemmInvocations,
  type StripTile,
  squareTiles,
} from "../../../src/plan/tiles/tile.ts";
import { productKey } from "../../../src/plan/tiles/tuned-choices.ts";
import {
  type ProfileName,
  profileFor,
  type TuningProfile,
  tuningProfiles,
  webgpuLimits,
} from "../../../src/plan/tiles/tuning-profiles.ts";

const profiles = Object.keys(tuningProfiles) as readonly ProfileName[];
const profile = (name: ProfileName, max = 1): TuningProfile => profileFor(name, { max });

const gemmText = (tile: GemmTile): string =>
  tile.kind === "tiled"
    ? `${tile.rows} x ${tile.columns} by ${tile.depth}`
    : `${tile.rows} x ${tile.quads} quads in ${tile.workgroup.join(" x ")}`;
const stripText = (tile: StripTile | null): string =>
  tile === null
    ? "none"
    : `${tile.strip} by ${tile.sitesPerInvocation}, ${tile.invocations} invocations, ${tile.reductionWidth} a site`;

const gemms: readonly GemmShape[] = [
  { rows: 1, depth: 8, columns: 8 },
  { rows: 9, depth: 5, columns: 15 },
  { rows: 49, depth: 320, columns: 1280 },
  { rows: 49, depth: 1280, columns: 320 },
  { rows: 50, depth: 17, columns: 33 },
  { rows: 196, depth: 160, columns: 640 },
  { rows: 196, depth: 160, columns: 640, batch: 32 },
  { rows: 784, depth: 80, columns: 320 },
  { rows: 784, depth: 320, columns: 88 },
  { rows: 3136, depth: 40, columns: 160 },
  { rows: 3136, depth: 160, columns: 40 },
  { rows: 3136, depth: 48, columns: 12 },
  { rows: 64, depth: 64, columns: 4096 },
  { rows: 2048, depth: 64, columns: 128 },
  { rows: 20736, depth: 128, columns: 512 },
];

const strips: readonly StripShape[] = [1, 4, 7, 8, 12, 14, 16, 27, 56, 96].flatMap(width =>
  (
    [
      [5, 1],
      [40, 4],
      [320, 4],
      [2044, 4],
      [4096, 4],
      [4097, 1],
    ] as const
  ).flatMap(([channels, vec]) => [true, false].map((norm): StripShape => ({ width, height: 8, channels, vec, norm }))),
);

const lines: readonly LineShape[] = [1, 2, 3, 4, 7, 8, 16, 30].flatMap(across =>
  (
    [
      [3, 5, 1],
      [7, 40, 4],
      [7, 1000, 4],
      [9, 320, 4],
      [11, 8, 4],
      [7, 4200, 4],
    ] as const
  ).flatMap(([kernel, channels, vec]) =>
    [4, 16].flatMap(grid =>
      [true, false].map(
        (norm): LineShape => ({ kernel, width: across * grid, lines: 3 * across, across, channels, vec, norm }),
      ),
    ),
  ),
);

/** A line a shape, and what each profile chooses for it. */
function table<T extends object>(shapes: readonly T[], textOf: (tuning: TuningProfile, shape: T) => string): string {
  const rows = shapes.map(shape => {
    const found = profiles.map(name => [name, textOf(profile(name), shape)] as const);
    const chosen = [...new Set(found.map(([, text]) => text))].map(text => {
      const names = found.filter(of => of[1] === text).map(([name]) => name);
      return `\n  ${names.join(", ")}: ${text}`;
    });
    const of = Object.entries(shape).map(([name, value]) => `${name} ${value}`);
    return `${of.join(", ")}${chosen.join("")}\n`;
  });
  return rows.join("");
}

test.each([
  [
    "products",
    () =>
      table(gemms, (tuning, shape) => {
        const tile = chooseGemm(tuning, shape);
        const inline = grnInline(tuning, tile, squareTiles(tile, shape.rows)) ? ", GRN's factors in it" : "";
        return `${gemmText(tile)}${inline}`;
      }),
  ],
  ["strips", () => table(strips, (tuning, shape) => stripText(chooseStrip(tuning, shape)))],
  [
    "lines",
    () =>
      table(lines, (tuning, shape) => {
        const tile = chooseLines(tuning, shape);
        return `${tile === null ? "" : `rows of the ${tile.rowsOf}, `}${stripText(tile)}`;
      }),
  ],
  [
    "norms",
    () =>
      table(
        [1, 2, 7, 16, 49, 3136].map(rows => ({ rows })),
        (tuning, shape) => {
          const { strip, reductionWidth, invocations } = chooseNorm(tuning, shape);
          return `${strip} sites, ${invocations} invocations, ${reductionWidth} a site`;
        },
      ),
  ],
  [
    "pools",
    () =>
      table(
        [1, 6, 8, 33, 320, 1021, 3584, 3900, 4092, 4096, 4100].map(channels => ({ channels })),
        (tuning, { channels }) => `${choosePool(tuning, channels)} invocations`,
      ),
  ],
])("tiles of %s; where others are right: npx vitest run test/plan/tiles -u", async (what, text) => {
  await expect(text()).toMatchFileSnapshot(path.join(import.meta.dirname, "chosen", `${what}.txt`));
});

test("a downsampling keeps its statistics where workgroup memory has place for them", () => {
  // Rows of 16 floats and a quad more, columns of 16, 4 sums a row, and 8 bytes an invocation that reduces.
  const tiled = (rows: number, columns: number): GemmTile => {
    return { kind: "tiled", rows, columns, depth: 16, threadTile: [4, 1] };
  };
  const most = 64 * (4 * 20 + 4 * 8) + 64 * 64; // 11,264 bytes of 64 x 64, and of each 4 columns more 256
  const columns = (webgpuLimits.workgroupBytes - most) / 64 + 64;
  expect(columns).toBe(144);
  expect(downsampleFits(profile("gpu"), tiled(64, columns), 1)).toBe(true);
  expect(downsampleFits(profile("gpu"), tiled(64, columns + 4), 1)).toBe(false);
  expect(downsampleFits(profile("gpu"), tiled(68, columns), 1)).toBe(false);
  // 64 x 80: 12,288 bytes, and 8 of each of 320 invocations; 64 x 112: 14,336, and 8 of 448.
  expect(downsampleFits(profile("gpu"), tiled(64, 80), 8)).toBe(true);
  expect(downsampleFits(profile("gpu"), tiled(64, 112), 8)).toBe(false);
  expect(downsampleFits(profile("gpu"), tiled(64, 112), 1)).toBe(true);
  const direct: GemmTile = { kind: "direct", rows: 64, quads: 1, workgroup: [1, 8] };
  expect(downsampleFits(profile("gpu"), direct, 1)).toBe(true);
  expect(downsampleFits(profile("gpu"), { ...direct, rows: 65 }, 1)).toBe(false);
  expect(downsampleFits(profile("cuda"), tiled(640, 640), 8)).toBe(true);
});

describe("CUDA", () => {
  const exact = (max: number) => {
    const { gemm } = profile("cuda", max);
    if (gemm.kind !== "exact") throw new Error("CUDA's tiles divide products");
    return gemm;
  };

  test("lists the tiles of a product, the cheapest first; many images are as many rows", async () => {
    const shapes = gemms.filter(({ batch }) => batch === undefined);
    const lists = [1, 64].flatMap(images =>
      shapes.map(
        shape => `${images} of ${productKey(shape)}: ${exactTiles(exact(images), shape).map(gemmText).join(", ")}\n`,
      ),
    );
    await expect(lists.join("")).toMatchFileSnapshot(path.join(import.meta.dirname, "chosen", "exact.txt"));
  });

  test("takes what a tuning table says of a shape, and of no other", () => {
    const choice = { rows: 32, columns: 8, warpRows: 32, step: 32, stages: 2, split: 1 } as const;
    const tuned = { products: new Map([["49x320x1280", choice]]), depthwise: new Map(), mlps: new Map() };
    const tuning = profileFor("cuda", { max: 1 }, tuned);
    expect(gemmText(chooseGemm(tuning, { rows: 49, depth: 320, columns: 1280 }))).toBe("32 x 8 by 16");
    const other = { rows: 49, depth: 1280, columns: 320 };
    expect(chooseGemm(tuning, other)).toEqual(chooseGemm(profile("cuda"), other));
  });
});

test("every tile keeps to WebGPU's limits, and every strip to its map", () => {
  for (const name of profiles) {
    const tuning = profile(name);
    for (const shape of gemms) {
      const tile = chooseGemm(tuning, shape);
      if (name !== "cuda") expect(gemmInvocations(tile)).toBeLessThanOrEqual(webgpuLimits.invocations);
      expect(Math.min(...blockTile(tile))).toBeGreaterThan(0);
    }
    for (const shape of [...strips, ...lines]) {
      const tile = "across" in shape ? chooseLines(tuning, shape) : chooseStrip(tuning, shape);
      if (tile === null) continue;
      expect(tile.invocations).toBeLessThanOrEqual(webgpuLimits.invocations);
      expect(tile.strip % tile.sitesPerInvocation).toBe(0);
      expect(shape.norm ? 4 * tile.strip * shape.channels : 0).toBeLessThanOrEqual(webgpuLimits.workgroupBytes);
    }
  }
});
