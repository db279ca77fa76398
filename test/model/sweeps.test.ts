import { describe, expect, test } from "vitest";
import type { Sweep } from "../../src/model/model.ts";
import { countPoints, modelAt } from "../../src/model/sweeps.ts";
import { checkText, codesOf, errorsOf, must } from "../syntax/support.ts";

const doubling = "model a { depths [2, 2, 6, 2]  dims [40, 80, 160, 320]  input 64x64x3 }\n";

function sweep(items: string, parent = doubling): Sweep {
  const [first] = must(checkText(`${parent}sweep s extends a { ${items} }`)).sweeps;
  if (first === undefined) throw new Error("no sweep");
  return first;
}

const dimsAt = (of: Sweep, ...choice: readonly number[]) => must(modelAt(of, choice)).stages.map(({ dim }) => dim);

describe("sweeps", () => {
  test("list what their axes take", () => {
    const { axes, requirements } = sweep(`dims[0] in [32, 40] depths[2] in 4..8 step 2, input in [64x64x3, 32x32x3]
      stem in [patch 2, patch 4] grn in [none, per_batch] layer_scale in [none, 1e-6] head.classes in [0, 1K]
      require params <= 6M require macs < 0.9G`);
    expect(axes.map(({ path, values }) => [path, values])).toEqual([
      ["dims[0]", [32, 40]],
      ["depths[2]", [4, 6, 8]],
      ["input", ["64x64x3", "32x32x3"]],
      ["stem", ["patch 2", "patch 4"]],
      ["grn", ["none", "per_batch"]],
      ["layer_scale", ["none", 1e-6]],
      ["head.classes", [0, 1000]],
    ]);
    expect(requirements.map(({ quantity, compare, limit }) => [quantity, compare, limit])).toEqual([
      ["params", "<=", 6_000_000],
      ["macs", "<", 900_000_000],
    ]);
  });

  test("W20: vary no file of weights, and have none of their parent's", () => {
    const pinned = doubling.replace("input", `weights { sha256 "${"a".repeat(64)}" } input`);
    expect(must(modelAt(sweep("dims[0] in [32]", pinned), [0])).weightsSha256).toBeNull();
    for (const path of ["weights", "weights.sha256"])
      expect(codesOf(checkText(`${pinned}sweep s extends a { ${path} in ["a"] }`))).toEqual(["unknown-field"]);
  });

  test("keep the parent's doubling where the first channels are all that varies", () => {
    expect(dimsAt(sweep("dims[0] in [32, 48]"), 1)).toEqual([48, 96, 192, 384]);
    expect(dimsAt(sweep("dims[0] in [32, 48] dims[3] in [7, 9]"), 1, 0)).toEqual([48, 80, 160, 7]);
    expect(dimsAt(sweep("dims in [[8, 16, 24, 40], [1, 2, 3, 4]]"), 1)).toEqual([1, 2, 3, 4]);
    const other = "model a { depths [1, 1]  dims [8, 24]  input 64x64x3 }\n";
    expect(dimsAt(sweep("dims[0] in [16]", other), 0)).toEqual([16, 24]);
  });

  test("reach into groups, stated or not", () => {
    const point = must(
      modelAt(
        sweep(
          "head.classes in [10] stem.patch in [2] kernel_size[1] in [3] norm_eps in [1e-5]",
          doubling.replace("input", "kernel_size 5 input"),
        ),
        [0, 0, 0, 0],
      ),
    );
    expect(point).toMatchObject({ head: { kind: "classifier", classes: 10 }, stem: { patch: 2 }, normEps: 1e-5 });
    expect(point.stages.map(({ kernel }) => kernel)).toEqual([5, 3, 5, 5]);
    const masked = doubling.replace("input", "head fcmae { mask_ratio 0.5 } input");
    const { head } = must(modelAt(sweep("head.decoder.dim in [8, 16] head.mask_ratio in [0.25]", masked), [1, 0]));
    expect(head).toMatchObject({ maskRatio: 0.25, decoder: { depth: 1, dim: 16 } });
  });

  test("change what kind of head there is", () => {
    const { head } = must(modelAt(sweep("head in [classifier { classes 3 }, features { levels [1] }]"), [1]));
    expect(head).toEqual({ kind: "features", levels: [1], norm: false });
  });

  test("fail at points whose values do not fit together", () => {
    const bad = sweep("stem.patch in [4, 16] input in [97x99x3]");
    must(modelAt(bad, [0, 0]));
    expect(codesOf(modelAt(bad, [1, 0]))).toEqual(["small-input", "small-input"]);
  });

  test("are counted without being made", () => {
    expect(must(countPoints(sweep("dims[0] in 1..100 depths[0] in 1..10")))).toBe(1000);
    const axes = Array.from({ length: 4 }, (_, i) => `dims[${i}] in 1..1000`).join(" ");
    expect(codesOf(countPoints(sweep(axes)))).toEqual(["sweep-too-large"]);
  });

  test.each([
    ["dims[4] in [8]", "out-of-range"],
    ["dims[-1] in [8]", "out-of-range"],
    ["dims[0.5] in [8]", "out-of-range"],
    ["dims.first in [8]", "unknown-field"],
    ["dims[0][0] in [8]", "unknown-field"],
    ["norm_eps[0] in [8]", "unknown-field"],
    ["head.mask_ratio in [0.5]", "unknown-field"],
    ["stem.path in [4]", "unknown-field"],
    ["constructor in [4]", "unknown-field"],
    ["head.__proto__ in [4]", "unknown-field"],
    ["depths[0] in 1..8 step 0", "out-of-range"],
    ["depths[0] in 1..8 step 0.5", "not-an-integer"],
    ["depths[0] in 1..8.5", "not-an-integer"],
    ["dims[0] in [8, gelu]", "wrong-type"],
    ["dims[0] in [8, 16, 8.0]", "duplicate-value"],
    ["stem.patch in 3..3", "out-of-range"],
    ["dims[0] in [8] dims[0.0] in [16]", "duplicate-axis"],
    ["head in [classifier] head.classes in [10]", "axis-overlap"],
  ])("refuse %s: %s", (items, code) => {
    expect(errorsOf(checkText(`${doubling}sweep s extends a { ${items} }`)).map(diagnostic => diagnostic.code)).toEqual(
      [code],
    );
  });
});
