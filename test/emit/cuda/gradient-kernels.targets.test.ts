import { beforeAll, describe, expect, test } from "vitest";
import type { StorageType } from "../../../src/model/model.ts";
import type { KernelKind, KernelParams, WeightGradParams } from "../../../src/plan/kernels.ts";
import { buildHarness, type Harness, type KernelCase } from "../../support/cuda-harness.ts";
import { hasGxx } from "../../support/cuda-tools.ts";
import { full } from "../../support/full.ts";

const tolerances = { f32: 2e-6, f16: 2e-3, bf16: 1.2e-2 } as const satisfies Record<StorageType, number>;

const caseOf = <K extends KernelKind>(
  kind: K,
  name: string,
  params: KernelParams[K],
  dtype: StorageType = "f32",
): KernelCase => ({
  name: `${name}_${dtype}`,
  kind,
  dtype,
  params: params as KernelCase["params"],
  batch: 3,
  tolerance: tolerances[dtype],
  fault: null,
});

/** Tiles of 32: whole and ragged ones, patches, patches that leave rows out, parts and chains that end within a step. */
const weightGrad = (
  name: string,
  of: Partial<WeightGradParams> & Pick<WeightGradParams, "outputs" | "inputs">,
  dtype: StorageType = "f32",
): KernelCase => {
  const tile = { kind: "tiled", rows: 32, columns: 32, depth: 16, threadTile: [4, 1] } as const;
  return caseOf("weightGrad", name, { height: 7, width: 9, size: 1, parts: 1, chain: 24, tile, ...of }, dtype);
};
const linear = weightGrad("linear", { outputs: 40, inputs: 33, parts: 2 });
const patches = weightGrad("patches", { outputs: 24, inputs: 10, size: 2, height: 5, width: 6, parts: 3 });
const odd = weightGrad("odd", { outputs: 12, inputs: 8, size: 2, height: 3, width: 4, of: { height: 7, width: 9 } });
/** On tensor cores: what is summed is exact, so that only the order of f32 sums is left. */
const tensor = (name: string, of: Parameters<typeof weightGrad>[1], form: "bf16" | "f16" | "tf32"): KernelCase => {
  const given = weightGrad(`mma_${name}`, of, form === "tf32" ? "f32" : form);
  return { ...given, name: `${given.name}_${form}`, tf32: form === "tf32", tolerance: tolerances.f32 };
};
const halves = tensor("linear", { outputs: 40, inputs: 48, parts: 2, chain: 64 }, "bf16");
const halfPatches = tensor("patches", { outputs: 24, inputs: 16, size: 2, height: 5, width: 6, parts: 3 }, "f16");
const rounded = tensor("linear", { outputs: 40, inputs: 36, parts: 2 }, "tf32");
const onTensorCores = [
  ...[halves, halfPatches, rounded],
  // Several tiles, whole and ragged, chains of several steps, parts without rows, patches that leave rows out.
  tensor("wide", { outputs: 136, inputs: 72, height: 16, width: 16, chain: 64 }, "bf16"),
  tensor("many_parts", { outputs: 64, inputs: 64, height: 3, width: 3, parts: 14 }, "f16"),
  tensor("odd", { outputs: 8, inputs: 8, size: 2, height: 3, width: 4, of: { height: 7, width: 9 } }, "bf16"),
  tensor("patches", { outputs: 12, inputs: 8, size: 2, height: 5, width: 6, parts: 2 }, "tf32"),
  tensor("wide", { outputs: 68, inputs: 132, height: 8, width: 8, chain: 32 }, "tf32"),
];
const depthwise = caseOf("depthwiseGrad", "depthwise", {
  ...{ height: 9, width: 11, channels: 12, kernel: 5, parts: 4, patches: null },
});
const columns = { rows: 300, channels: 70, gelu: null, removed: null } as const;
const columnSums = caseOf("columnSums", "column_sums", { ...columns, dot: false });
const columnDots = caseOf("columnSums", "column_dots", { ...columns, dot: true });
const totals = caseOf("columnTotals", "totals", { length: 98, rows: 150, over: "parts", taps: 49 });
const normalize = caseOf("normalizeGrad", "normalize", { rows: 50, channels: 72, variance: "biased" });
const gelu = caseOf("pointwise", "gelu", {
  ...{ length: 700, channels: 70 },
  reads: [
    { role: "input1", name: "x1", per: "value" },
    { role: "input2", name: "x2", per: "value" },
  ],
  ops: [{ op: "gelu-grad", args: ["x1", "x2"] }],
});
const grn = caseOf("grnGrad", "grn", { of: "squares", channels: 300, tiles: 5, batch: false, eps: 1e-6 });
const entropy = caseOf("crossEntropyGrad", "entropy", { classes: 300 });
const scaledEntropy = caseOf("crossEntropyGrad", "scaled_entropy", { classes: 33, scale: 64 });
const good: readonly KernelCase[] = [
  ...[linear, patches, odd, depthwise, columnSums, columnDots, totals, normalize, gelu, grn, entropy, scaledEntropy],
  ...onTensorCores,
  weightGrad("linear", { outputs: 40, inputs: 33, parts: 2 }, "bf16"),
  weightGrad("patches", { outputs: 24, inputs: 10, size: 2, height: 5, width: 6 }, "f16"),
  weightGrad("whole", { outputs: 64, inputs: 96, height: 16, width: 16, chain: 512 }),
];

/** A fault: what it is, the kernel it is planted in, and the change of its text. */
type Fault = readonly [what: string, at: KernelCase, from: string | RegExp, to: string];
const faults: readonly Fault[] = [
  ["a tile overwritten while it is multiplied", linear, /barrier\(\);\n( +for \(int k = thread)/, "$1"],
  ["a tile multiplied before it is there", linear, /barrier\(\);\n( +CNX_UNROLL\n +for \(int k = 0; k < step)/, "$1"],
  ["rows beyond a chain", linear, /t < stop/g, "t < end"],
  ["rows of the next part", linear, /const int stop = .*;/, "const int stop = start + chain;"],
  ["the last row of a chain left out", linear, /t < stop &&/g, "t < stop - 1 &&"],
  ["the chain before forgotten", linear, "sum[i][j] += run[i][j]", "sum[i][j] = run[i][j]"],
  ["parts that overlap", linear, "(part + 1) * each : all", "(part + 1) * each + 1 : all"],
  ["every part in one place", patches, "(static_cast<size_t>(part) * outputs + o)", "(static_cast<size_t>(o))"],
  ["outputs past the end", linear, "if (o < outputs && q < columns)", "if (q < columns)"],
  ["columns past the end", linear, "if (o < outputs && q < columns)", "if (o < outputs)"],
  ["outputs and columns exchanged", linear, "a.v[i] * b.v[j]", "a.v[j] * b.v[i]"],
  ["taps in the order of memory", patches, /return q % \d+ \* 4 \+ q \/ \d+;/, "return q;"],
  ["taps across and down exchanged", patches, /q \/ 10 \/ 2 \* (\d+) \+ q \/ 10 % 2/, "q / 10 % 2 * $1 + q / 10 / 2"],
  ["a patch a row too low", patches, /t \/ 6 \* 2;/, "(t / 6 + 1) * 2;"],
  ["images that follow one another where rows are left out", odd, /t \/ 12 \* 7/, "t / 12 * 6"],
  ["no barrier in the loop over rows", halves, /(copy_wait<stages - 2>\(\);\n) +barrier\(\);\n/, "$1"],
  ["one wait too few", halves, "copy_wait<stages - 2>", "copy_wait<stages - 1>"],
  ["a live stage overwritten", halves, /b \+= s % stages/, "b += (s + 1) % stages"],
  ["outputs that are not turned", halves, "load_matrices_transposed(x[i]", "load_matrices(x[i]"],
  [
    "outputs and rows of a fragment exchanged",
    halves,
    "lane / 16 * 8 + lane % 8) * a_row + warp_m + lane / 8 % 2 * 8",
    "lane / 8 % 2 * 8 + lane % 8) * a_row + warp_m + lane / 16 * 8",
  ],
  ["the chain before forgotten on tensor cores", halves, "sum[i][j][e] += run[i][j][e]", "sum[i][j][e] = run[i][j][e]"],
  ["a chain that goes on after it was added", halves, "run[i][j][e] = 0.0f;", ""],
  ["rows of the next part on tensor cores", halves, /t < end && /g, ""],
  ["a row of patches for a row of sites", halfPatches, "input + corner(t)", "input + t * 64"],
  ["taps as they lie in memory", halfPatches, "column(q + e)", "q + e"],
  [
    "an operand that is not rounded",
    rounded,
    "narrow<tf32>(bs[k * b_row + j * 8]).bits",
    "(uint32_t &)bs[k * b_row + j * 8]",
  ],
  ["the second half of a fragment two rows on", rounded, "bs[(k + 4) * b_row", "bs[(k + 2) * b_row"],
  [
    "halves of a fragment exchanged",
    rounded,
    "(k + e / 2 * 4) * a_row + i * 16 + e % 2 * 8",
    "(k + e % 2 * 4) * a_row + i * 16 + e / 2 * 8",
  ],
  ["a halo of one more", depthwise, /y - 2 >= 9/, "y - 2 > 9"],
  ["the halo above read", depthwise, /y < 2 \|\|/, "y < 1 ||"],
  ["a part's first line left out", depthwise, "line = part * each", "line = part * each + 1"],
  ["a kernel's line a line off", depthwise, "* 5 + 1) *", "* 5 + 2) *"],
  ["a strip's last row left out", columnSums, /t < first \+ 128/, "t < first + 127"],
  ["rows past the end", columnSums, / && t < 300/, ""],
  ["a product with itself", columnDots, "other[t * ", "input[t * "],
  ["taps and channels exchanged", totals, /total\[.*?\] = sum;/, "total[i] = sum;"],
  ["the last part left out", totals, "row < rows", "row < rows - 1"],
  ["a norm's gradient without the mean", normalize, /(const float x = .*) - mean - /, "$1 - "],
  ["a norm's gradient without its direction", normalize, /\* slope/, "* 0.0f"],
  ["a slope without its second term", gelu, / \+ x \* expf\(.*?\)\) \* 0\.39\d+f|\s\+ x \* expf\([^;]*;/, ";"],
  ["GRN's mean not differentiated", grn, / - pull/, ""],
  ["the square root not differentiated", grn, "(2.0f * norm)", "2.0f"],
  ["a sum over a warp alone", grn, /barrier\(\);/g, ""],
  ["not a mean over the images", entropy, " / static_cast<float>(images)", ""],
];
/** A fault takes g++ seconds: in every run a quarter of them. */
const tried = faults.filter((_, i) => full || i % 4 === 0);
const planted: readonly KernelCase[] = tried.map(([, at, from, to], i) => ({
  ...at,
  name: `fault_${i}`,
  fault: text => text.replace(from, to),
}));

const wrongOf = (said: string) => said.split("\n").filter(line => line !== "" && !line.endsWith(": ok"));

describe.runIf(hasGxx)("kernels of gradients as fibers", () => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await buildHarness([...good, ...planted]);
  });

  test("the same bits in every order of threads and time of copies, and right", () => {
    const { code, said } = harness.run(good.map(({ name }) => name));
    expect(wrongOf(said)).toEqual([]);
    expect(code).toBe(0);
  });

  test.each(tried.map(([what], i) => ({ what, name: `fault_${i}` })))("a seeded fault is caught: $what", ({ name }) => {
    const { code, said } = harness.run([name]);
    expect(said).toMatch(/differs|error|device fault/);
    expect(code).not.toBe(0);
  });
});

/** Two minutes of g++; the forward kernels are sanitized in every run. */
describe.runIf(hasGxx && full)("kernels of gradients under the address and undefined-behaviour sanitizers", () => {
  test("are clean", async () => {
    const flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"];
    const { code, said } = (await buildHarness(good, flags)).run(good.map(({ name }) => name));
    expect(wrongOf(said)).toEqual([]);
    expect(code).toBe(0);
  });
});
