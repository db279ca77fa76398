import { beforeAll, describe, expect, test } from "vitest";
import type { StorageType } from "../../../src/model/model.ts";
import type { GemmParams, KernelKind, KernelParams } from "../../../src/plan/kernels.ts";
import type { TiledTile } from "../../../src/plan/tiles/tile.ts";
import type { MlpChoice } from "../../../src/plan/tiles/tuned-choices.ts";
import { buildHarness, type Harness, type KernelCase } from "../../support/cuda-harness.ts";
import { hasGxx } from "../../support/cuda-tools.ts";
import { full } from "../../support/full.ts";

const tolerances = { f32: 2e-6, f16: 2e-3, bf16: 1.2e-2 } as const satisfies Record<StorageType, number>;
const tile = (rows: number, columns: number): TiledTile => ({
  kind: "tiled",
  rows,
  columns,
  depth: 16,
  threadTile: [4, 1],
});
const plain = { batch: 2, fault: null } as const;

type Size = readonly [rows: number, depth: number, columns: number, tile: TiledTile];

const product = (
  name: string,
  dtype: StorageType,
  [rows, depth, columns, of]: Size,
  more: Partial<GemmParams>,
): KernelCase => ({
  ...plain,
  name: `${name}_${dtype}_${rows}x${depth}x${columns}`,
  kind: "gemm",
  dtype,
  tolerance: tolerances[dtype],
  params: {
    title: name,
    rows,
    depth,
    columns,
    gelu: null,
    residual: false,
    mask: null,
    grn: null,
    squares: false,
    tile: of,
    ...more,
  },
});
const first = { gelu: "erf", squares: true, grnEpilogue: true } as const;
const second = { grn: { kind: "vector" }, residual: true } as const;

/** Whole and ragged rows, whole and ragged depth, one step of k and many, every warp grid. */
const sizes: readonly Size[] = [
  [49, 40, 160, tile(64, 40)],
  [144, 96, 96, tile(128, 96)],
  [64, 160, 40, tile(32, 40)],
  [50, 768, 64, tile(32, 64)],
  [20, 20, 12, tile(32, 8)],
  [116, 48, 96, tile(112, 96)],
];

const depthwise = (
  dtype: StorageType,
  [height, width, channels, kernel]: readonly [number, number, number, number],
  more: Partial<KernelCase> = {},
): KernelCase => ({
  ...plain,
  name: `depthwise_${dtype}_${height}x${width}x${channels}_${kernel}`,
  kind: "depthwise",
  dtype,
  tolerance: tolerances[dtype],
  params: {
    height,
    width,
    channels,
    kernel,
    norm: { eps: 1e-6, affine: false },
    tile: { strip: 1, sitesPerInvocation: 1, invocations: 32, reductionWidth: 1 },
  },
  ...more,
});

/** A thread goes down a strip: of a size, with so many rows, columns, rows of the strip and groups. */
const goingDown = (
  dtype: StorageType,
  size: readonly [number, number, number, number],
  [rows, columns, strip, groups]: readonly [number, number, number, number],
  more: Partial<KernelCase> = {},
): KernelCase =>
  depthwise(dtype, size, {
    name: `strip_${dtype}_${size.join("x")}_${rows}_${columns}_${strip}_${groups}`,
    depthwise: { rows, columns, strip, groups },
    ...more,
  });
/** Whole maps and parts, ragged rows and columns, idle threads, groups along the row, an inner block, a small kernel. */
const strips = (dtype: StorageType): readonly KernelCase[] => [
  goingDown(dtype, [14, 16, 40, 7], [4, 8, 16, 2]),
  goingDown(dtype, [14, 22, 32, 7], [4, 4, 8, 1]),
  goingDown(dtype, [7, 7, 96, 7], [7, 7, 8, 1]),
  goingDown(dtype, [13, 9, 33, 5], [2, 4, 6, 1]),
  goingDown(dtype, [9, 7, 24, 3], [1, 7, 9, 1]),
];

const downsample = (dtype: StorageType, channels: number, columns: number): KernelCase => ({
  ...plain,
  name: `downsample_${dtype}_${channels}`,
  kind: "downsample",
  dtype,
  tolerance: tolerances[dtype],
  params: {
    height: 14,
    width: 10,
    channels,
    columns,
    norm: { eps: 1e-6 },
    tile: tile(64, 40),
  } satisfies KernelParams["downsample"],
});

const stem = (dtype: StorageType, width: number): KernelCase => ({
  ...plain,
  name: `stem_${dtype}_${width}`,
  kind: "stem",
  dtype,
  tolerance: tolerances[dtype],
  params: {
    height: 8,
    width,
    inChannels: 3,
    channels: 40,
    patch: 4,
    grid: null,
    norm: { eps: 1e-6, affine: true },
    tile: { strip: 1, sitesPerInvocation: 1, invocations: 32, reductionWidth: 1 },
  } satisfies KernelParams["stem"],
});

const pool = (dtype: StorageType, sites: number, channels: number): KernelCase => ({
  ...plain,
  name: `pool_${dtype}_${channels}`,
  kind: "pool",
  dtype,
  tolerance: 1e-5,
  params: {
    sites,
    channels,
    norm: { eps: 1e-6, affine: false },
    invocations: 32,
  },
});

const strip = { strip: 1, sitesPerInvocation: 1, invocations: 32, reductionWidth: 1 } as const;
const place = { rows: 3, columns: 4, keep: 5 } as const;

const kindOf = <K extends KernelKind>(
  kind: K,
  name: string,
  dtype: StorageType,
  params: KernelParams[K],
  tolerance: number = tolerances[dtype],
): KernelCase => ({
  ...plain,
  name: `${name}_${dtype}`,
  kind,
  dtype,
  tolerance,
  params: params as KernelCase["params"],
});

/** Patches as wide as a thread's sites, wider ones, single sites, and wide kernels. */
const siteDepthwise = (
  dtype: StorageType,
  [down, across, channels, kernel]: readonly [number, number, number, number],
  norm: KernelParams["siteDepthwise"]["norm"] = { eps: 1e-6, affine: false },
): KernelCase => ({
  ...kindOf("siteDepthwise", `sites_${down}x${across}x${channels}_${kernel}${norm === null ? "_bare" : ""}`, dtype, {
    ...place,
    ...{ down, across, channels, kernel, norm, tile: { ...strip, rowsOf: "patch" } },
  }),
  built: 64,
});

const maskedProduct = (dtype: StorageType, of: "first" | "second"): KernelCase => {
  const more = of === "first" ? first : second;
  const mask = { ...place, down: 3, across: 2 };
  return product(`masked_${of}`, dtype, [72, 40, 80, tile(32, 40)], { ...more, mask });
};

const siteError = (dtype: StorageType, eps: number | null): KernelCase =>
  kindOf(
    "siteError",
    `error_${eps === null ? "raw" : "norm"}`,
    dtype,
    { ...place, size: 10, channels: 3, eps, removedOnly: eps !== null, invocations: 64 },
    2e-6,
  );

const masked = (dtype: StorageType): readonly KernelCase[] => [
  ...(["first", "second"] as const).map(of => maskedProduct(dtype, of)),
  siteDepthwise(dtype, [8, 8, 40, 7]),
  siteDepthwise(dtype, [2, 2, 33, 7]),
  siteDepthwise(dtype, [1, 1, 320, 7]),
  siteDepthwise(dtype, [4, 16, 12, 5], null),
  siteDepthwise(dtype, [3, 2, 8, 9]),
  kindOf("stem", "stem_kept", dtype, {
    ...{ height: 24, width: 48, inChannels: 3, channels: 40, patch: 4, grid: place },
    ...{ norm: { eps: 1e-6, affine: true }, tile: strip },
  }),
  kindOf("gatherSites", "gather", dtype, { ...place, down: 2, across: 3, channels: 10 }),
  ...(["compact", "whole"] as const).map((from, i) =>
    kindOf("placeSites", `place_${from}`, dtype, { ...place, down: 2, across: 3, channels: 10, from, token: i === 0 }),
  ),
  kindOf("averagePool", "average", dtype, { height: 6, width: 9, channels: 10, size: 3 }),
  siteError(dtype, 1e-6),
  siteError(dtype, null),
  kindOf("sumSquares", "squares", dtype, { rows: 100, channels: 72 }, 2e-6),
  kindOf("elementwise", "shift", dtype, { op: "shift", length: 300, channels: 12 }),
  kindOf("elementwise", "each", dtype, { op: "scale-each", length: 300, channels: 12 }),
];
const table = kindOf("patchTable", "table", "f32", place, 1e-12);

/**
 * Products from operands rounded to TF32. The reference rounds the same, so what is left is f32 again; but a norm puts a
 * few values on the other side of a half, 2^-10 apart.
 */
const tf32 = (of: KernelCase): KernelCase => ({
  ...of,
  name: `tf32_${of.name}`,
  tf32: true,
  tolerance: of.kind === "downsample" ? 2e-5 : tolerances.f32,
});
/** One step of 16 and many of 32, depths that are no multiple of 16 or of 4. */
const tf32Sizes: readonly Size[] = [
  ...sizes,
  [33, 24, 8, tile(32, 8)],
  [70, 64, 88, tile(64, 88)],
  [20, 18, 10, tile(32, 16)],
];

/** A tile's k shared among blocks: as many parts as wished, or as there are steps; parts of unequal length. */
const split = (of: KernelCase, parts: number): KernelCase => ({ ...of, name: `${of.name}_in_${parts}`, split: parts });
const splits = (dtype: StorageType): readonly KernelCase[] => [
  split(product("fc2", dtype, sizes[3] as Size, second), 2),
  split(product("fc2", dtype, sizes[3] as Size, second), 3),
  split(product("fc2", dtype, sizes[0] as Size, second), 2),
  split(product("fc2", dtype, sizes[0] as Size, second), 4),
  split(product("fc2", dtype, sizes[2] as Size, second), 3),
  split(product("fc2", dtype, sizes[4] as Size, second), 2),
  split(product("tall", dtype, [140, 100, 200, tile(128, 96)], { gelu: "erf" }), 4),
  split(maskedProduct(dtype, "second"), 3),
  split(downsample(dtype, 40, 80), 4),
  split(downsample(dtype, 6, 12), 2),
];

const dtypes = ["f32", "bf16", "f16"] as const;
const all: readonly KernelCase[] = dtypes.flatMap(dtype => [
  ...sizes.flatMap(size => [product("fc1", dtype, size, first), product("fc2", dtype, size, second)]),
  depthwise(dtype, [14, 16, 40, 7]),
  depthwise(dtype, [7, 7, 96, 7]),
  depthwise(dtype, [9, 12, 12, 9]),
  ...strips(dtype).slice(0, dtype === "bf16" || full ? undefined : 1),
  downsample(dtype, 40, 80),
  downsample(dtype, 6, 12),
  stem(dtype, 64),
  stem(dtype, 60),
  pool(dtype, 49, 72),
  // So wide that LayerNorm reads a token again: whole pairs, and ragged ones.
  depthwise(dtype, [4, 5, 2112, 3]),
  pool(dtype, 3, 1601),
  ...masked(dtype),
  ...(dtype === "f32" ? [] : splits(dtype)),
]);
const allTf32 = [
  ...tf32Sizes.flatMap(size => [product("fc1", "f32", size, first), product("fc2", "f32", size, second)]),
  downsample("f32", 40, 80),
  downsample("f32", 6, 12),
  ...(["first", "second"] as const).map(of => maskedProduct("f32", of)),
  ...splits("f32"),
].map(tf32);

const single = [table, kindOf("maskedMean", "mean", "f32", { patches: 37, invocations: 64 })];

/** Both linears in one kernel: whole and ragged rows and depth, an odd number of tiles, every choice of rows and steps. */
const mlp = (dtype: "f16" | "bf16", rows: number, channels: number, choice: MlpChoice): KernelCase => {
  const wide = 4 * channels;
  const [expand, project] = [
    product("expand", dtype, [rows, channels, wide, tile(64, channels % 16 === 0 ? 64 : 80)], first),
    product("project", dtype, [rows, wide, channels, tile(32, channels % 16 === 0 ? 48 : 40)], second),
  ].map(({ params }) => params as GemmParams) as [GemmParams, GemmParams];
  return {
    ...plain,
    name: `mlp_${dtype}_${rows}x${channels}_${choice.rows}_${choice.warpRows}_${choice.step}`,
    kind: "mlp",
    dtype,
    tolerance: tolerances[dtype],
    params: { expand, project, choice },
  };
};
const mlps = (dtype: "f16" | "bf16"): readonly KernelCase[] => [
  mlp(dtype, 49, 40, { rows: 64, warpRows: 32, step: 32 }),
  mlp(dtype, 40, 96, { rows: 128, warpRows: 32, step: 64 }),
  mlp(dtype, 128, 48, { rows: 64, warpRows: 16, step: 64 }),
  mlp(dtype, 20, 136, { rows: 64, warpRows: 16, step: 32 }),
];
/** The first linear where only its statistics are wanted. */
const statistics = (dtype: StorageType, at: number): KernelCase =>
  product("statistics", dtype, sizes[at] as Size, { ...first, statisticsOnly: true });

/** f16 differs from bf16 in conversions alone; TF32 from both in how it multiplies, not in what it copies and shares. */
const good = [
  ...all.filter(({ name, dtype }) => full || dtype !== "f16" || /49x40|9x12x12/.test(name)),
  ...allTf32.filter(({ name }) => full || /fc._.*(49x40|50x768|33x24|20x18)|downsample|masked|in_[34]/.test(name)),
  ...single,
  ...mlps("bf16"),
  ...mlps("f16").slice(0, full ? undefined : 1),
  ...[0, 1].map(at => statistics("bf16", at)),
];

/** A fault: what it is, the kernel it is planted in, and the change of its text. */
type Fault = readonly [what: string, at: KernelCase, from: string | RegExp, to: string];

const fc1 = (dtype: StorageType, at = 0) => product("fc1", dtype, sizes[at] as Size, first);
const fc2 = (dtype: StorageType, at = 0) => product("fc2", dtype, sizes[at] as Size, second);

const faults: readonly Fault[] = [
  ["no barrier in the main loop", fc1("bf16", 3), /(copy_wait<stages - 2>\(\);\n) +barrier\(\);\n/, "$1"],
  ["one wait too few", fc1("bf16", 3), "copy_wait<stages - 2>", "copy_wait<stages - 1>"],
  ["a live stage overwritten", fc1("bf16", 3), /b \+= s % stages/, "b += (s + 1) % stages"],
  ["a swizzle on one side only", fc1("bf16"), "((k / 8 + lane / 16) ^ a_swap) * 8", "(k / 8 + lane / 16) * 8"],
  [
    "shared memory reused before all have multiplied",
    fc1("bf16"),
    /(copy_wait<0>\(\);\n) +barrier\(\);\n( +T \*tile)/,
    "$1$2",
  ],
  ["no barrier before the last sum", fc1("bf16"), /barrier\(\);\n( +float \*image_squares)/, "$1"],
  ["a segment of the sum left out", fc1("bf16"), /for \(int w = 0; w < (\d+)/, "for (int w = 1; w < $1"],
  ["rows past the end in the statistics", fc1("bf16"), "if (has_squares && (whole_rows || m0 + m < rows)) {", "{"],
  ["a store past the end", fc1("bf16"), / \|\| !\(whole_rows.*\n( +store_chunk)/, ") continue;\n$1"],
  ["the last rows of the left operand not copied", fc1("bf16"), "i < left.count", "i < left.count - 1"],
  ["the last rows of the weight not copied", fc1("bf16", 1), "i < right.count", "i < right.count - 1"],
  [
    "a result stored but for its last rows",
    fc2("bf16", 3),
    /i < whole\.count(; i\+\+\) \{\n.*\n.*\n +store_chunk)/,
    "i < whole.count - 1$1",
  ],
  [
    "one lane apart in a warp instruction",
    depthwise("bf16", [7, 7, 96, 7]),
    /const float mean = (group_sum<\w+>\(sum\))/,
    "const float mean = (lane == 3 ? sum : $1)",
  ],
  ["halo off by one", depthwise("bf16", [14, 16, 40, 7]), "x + j < width + radius", "x + j <= width + radius"],
  [
    "a strip's halo off by one",
    goingDown("bf16", [14, 16, 40, 7], [4, 8, 16, 2]),
    "x + j < width + radius",
    "x + j <= width + radius",
  ],
  [
    "a strip that starts a row late",
    goingDown("bf16", [14, 22, 32, 7], [4, 4, 8, 1]),
    "y0 - radius; // the row",
    "y0 - radius + 1; // the row",
  ],
  [
    "a strip that ends a row early",
    goingDown("bf16", [14, 22, 32, 7], [4, 4, 8, 1]),
    "last + radius < height ? last + radius",
    "last + radius < height ? last + radius - 1",
  ],
  [
    "no barrier between a strip's rows and their norm",
    goingDown("f32", [14, 16, 40, 7], [4, 8, 16, 2]),
    /barrier\(\);\n( +normalize)/,
    "$1",
  ],
  [
    "a strip's rows overwritten while they are normalised",
    goingDown("f32", [14, 16, 40, 7], [4, 8, 16, 2]),
    /(normalize.*made - slot\);\n) +barrier\(\);\n/,
    "$1",
  ],
  [
    "rows of a strip moved up by two",
    goingDown("bf16", [9, 7, 24, 3], [1, 7, 9, 1]),
    "v[i][c] = v[i + 1][c]",
    "v[i][c] = v[(i + 2) % size][c]",
  ],
  ["no barrier between convolution and norm", depthwise("bf16", [7, 7, 96, 7]), /barrier\(\);\n( +normalize)/, "$1"],
  ["no barrier in GRN's mean", fc1("f32"), /(sums\[thread\(\)\] = sum;\n) +barrier\(\);\n/, "$1"],
  ["GRN finished by the last block but one", fc1("f32"), /\*before != (\d+)\)/, "*before + 1 != $1)"],
  ["the counter left as it is", fc1("f32"), "if (thread() == 0) *counter = 0;", ""],
  ["no barrier in the f32 loop", fc2("f32", 3), /(copy_wait<0>\(\);\n) +barrier\(\);\n/, "$1"],
  ["one wait too few in f32", fc2("f32", 3), "copy_wait<0>", "copy_wait<1>"],
  ["the factors of another step", fc2("bf16", 3), "factor + s % stages * step", "factor + (s + 1) % stages * step"],
  ["a live step of factors overwritten", fc2("f32", 3), "factor += s % 2 * step", "factor += (s + 1) % 2 * step"],
  [
    "statistics read before they are there",
    downsample("bf16", 40, 80),
    /(measure\(input, stats, m0\);\n) +barrier\(\);\n/,
    "$1",
  ],
  ["rows past the end are read", fc2("bf16", 4), "if (m0 + m >= rows) return q;", ""],
  [
    "a neighbour's patch off by one column",
    siteDepthwise("f32", [8, 8, 40, 7]),
    "left / across + n;",
    "left / across + n + 1;",
  ],
  ["a removed patch read", siteDepthwise("bf16", [2, 2, 33, 7]), "if (slot < 0) continue;", "if (slot < -1) continue;"],
  [
    "no barrier between a compact convolution and norm",
    siteDepthwise("bf16", [2, 2, 33, 7]),
    /barrier\(\);\n( +normalize)/,
    "$1",
  ],
  [
    "removed rows in the sums of squares",
    maskedProduct("f32", "first"),
    /( +if \(removed\(mask, m0 \+ m\)\).*\n)([\s\S]*?square\.v\[e\] \+=.*\n)/,
    "$2$1",
  ],
  ["the first image's mask for all", maskedProduct("bf16", "first"), /mask \+= image \* \d+;/, ""],
  ["a row's mask read before it is there", maskedProduct("bf16", "first"), /(gone\[m\] = .*\n) +barrier\(\);\n/, "$1"],
  ["a patch counted before itself", table, "before < cell", "before <= cell"],
  ["a sum of the block overwritten", siteError("f32", 1e-6), /barrier\(\); \/\/ the sums before.*\n/, "\n"],
  ["the depth not cut off", fc1("bf16"), / && \(whole_depth \|\| k < depth\)/, ""],
  ["an operand not rounded to TF32", tf32(fc1("f32")), /narrow<tf32>\(float_of\(x\[i\]\[e\]\).*\.bits/, "x[i][e]"],
  [
    "a factor after the rounding",
    tf32(fc2("f32")),
    /(narrow<tf32>\()(float_of\(x\[i\]\[e\]\)) \* (\(.*?\))\)\.bits/,
    "$1widen($1$2)) * $3).bits",
  ],
  ["a factor of the wrong half of eight", tf32(fc2("f32")), "e < 2 ? low : high", "e % 2 == 0 ? low : high"],
  [
    "a fragment of the weight upside down",
    tf32(fc1("f32")),
    "lane % 4 * b_row + lane / 4",
    "lane / 4 * b_row + lane % 4",
  ],
  ["the second half of a fragment two rows on", tf32(fc1("f32")), "bs[(k + 4) * b_row", "bs[(k + 2) * b_row"],
  [
    "a TF32 swizzle on one side only",
    tf32(fc1("f32")),
    "((k / 4 + lane / 16) ^ a_swap) * 4",
    "(k / 4 + lane / 16) * 4",
  ],
  [
    "parts added before the last has come",
    split(fc2("bf16", 3), 4),
    "*before != parts - 1",
    "*before + 1 != parts - 1",
  ],
  ["a part too few in the sum", split(fc2("bf16", 3), 3), "p < parts;", "p < parts - 1;"],
  ["parts that overlap", split(fc2("bf16", 3), 2), "first = part * steps", "first = part * (steps - 1)"],
  ["a step that is in no part", split(fc2("bf16", 3), 3), "end = (part + 1) * steps", "end = (part + 1) * (steps - 1)"],
  ["a tile's counter left as it is", split(fc2("bf16", 3), 4), "if (thread() == 0) counter[tile] = 0;", ""],
  [
    "every part's sums in one place",
    split(fc2("bf16", 3), 2),
    "(block) * part_size",
    "(block - block % parts) * part_size",
  ],
  ["whoever came before read too early", split(fc2("bf16", 3), 2), /(arrive\(.*\n) +barrier\(\);\n/, "$1"],
  ["values made anew without GRN's factors", mlps("bf16")[0] as KernelCase, "scale_word<T>(both, factor)", "both"],
  ["halves of a fragment made anew swapped", mlps("bf16")[1] as KernelCase, "a[i][2 * t + h]", "a[i][t + 2 * h]"],
  [
    "the rows overwritten while they are multiplied",
    mlps("bf16")[1] as KernelCase,
    /(copy_wait<0>\(\);\n) +barrier\(\);\n( +const Sweep.* out;)/,
    "$1$2",
  ],
  [
    "factors and biases of another step",
    mlps("bf16")[0] as KernelCase,
    "of + s % stages * 2 * step + 2 * (lane",
    "of + (s + 1) % stages * 2 * step + 2 * (lane",
  ],
  ["a live stage of weights overwritten", mlps("bf16")[2] as KernelCase, "v += s % stages", "v += (s + 1) % stages"],
  [
    "no barrier in the loop over values made anew",
    mlps("bf16")[3] as KernelCase,
    /(copy_wait<stages - 2>\(\);\n) +barrier\(\);\n/,
    "$1",
  ],
  ["no barrier in the TF32 loop", tf32(fc2("f32", 3)), /(copy_wait<stages - 2>\(\);\n) +barrier\(\);\n/, "$1"],
];
/** What only reads too far leaves the result right: the address sanitizer sees it. */
const unchecked = "rows past the end are read";
/** A fault takes g++ seconds: in every run a quarter of them. */
const tried = faults.filter(([what], i) => full || i % 4 === 0 || what === unchecked);
const planted: readonly KernelCase[] = tried.map(([, at, from, to], i) => ({
  ...at,
  name: `fault_${i}`,
  fault: text => text.replace(from, to),
}));

describe.runIf(hasGxx)("kernels as fibers", () => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await buildHarness([...good, ...planted]);
  });

  test("the same bits in every order of threads and time of copies, and right", () => {
    const { code, said } = harness.run(good.map(({ name }) => name));
    expect(said.split("\n").filter(line => line !== "" && !line.endsWith(": ok"))).toEqual([]);
    expect(code).toBe(0);
  });

  test("fitted forms of GELU are as close as their storage asks", () => {
    const [fitted = 1, close = 1] = harness.run(["gelu"]).said.split(" ").map(Number);
    expect(fitted).toBeLessThan(5.5e-5);
    expect(close).toBeLessThan(5e-6);
  });

  test.each(tried.map(([what], i) => ({ what, name: `fault_${i}` })).filter(({ what }) => what !== unchecked))(
    "a seeded fault is caught: $what",
    ({ name }) => {
      const { code, said } = harness.run([name]);
      expect(said).toMatch(/differs|error|device fault/);
      expect(code).not.toBe(0);
    },
  );
});

describe.runIf(hasGxx)("kernels under the address and undefined-behaviour sanitizers", () => {
  const some = good.filter(
    ({ name, dtype, tf32 = false }) =>
      (dtype === "bf16" || tf32) &&
      /fc1.*x40x|fc2.*x20x|9x12x12|strip_.*(13x9|14x22)|mlp_.*49x40|downsample.*_6|stem.*60|sites_(2x2|4x16)|masked_|stem_kept|gather|place_|error_norm/.test(
        name,
      ),
  );
  const fault = planted[tried.findIndex(([what]) => what === unchecked)] as KernelCase;
  let harness: Harness;
  beforeAll(async () => {
    harness = await buildHarness([...some, fault], ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]);
  });

  test("small shapes are clean", () => {
    const { code, said } = harness.run(some.map(({ name }) => name));
    expect(said.split("\n").filter(line => line !== "" && !line.endsWith(": ok"))).toEqual([]);
    expect(code).toBe(0);
  });

  test(`a seeded fault is caught: ${unchecked}`, () => {
    const { code, said } = harness.run([fault.name]);
    expect(said).toMatch(/AddressSanitizer/);
    expect(code).not.toBe(0);
  });
});
