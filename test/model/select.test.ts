import { expect, test } from "vitest";
import { choices } from "../../src/model/choices.ts";
import { inputPorts } from "../../src/model/inputs.ts";
import { type Model, storageTypes, type TargetName, targetNames } from "../../src/model/model.ts";
import { isF16, type Selection, select, storedBy } from "../../src/model/select.ts";
import { checkText, must } from "../syntax/support.ts";

const checked = (text: string) => must(checkText(text));
const program = checked(`
model a { depths [1,1] dims [8,16] input 64x32x3 head classifier { classes 3 } }
model b extends a { head fcmae { patch_size 32 decoder { dim 8 depth 1 } mask_ratio 0.5 } }
build both { models [a, b] target [wgsl, onnx] dtype f16 batch 2 .. 4 }
`);
const nothing: Selection = { models: null, build: null, targets: null, dtypes: null, batch: null };
const all: readonly TargetName[] = targetNames;

/** What is to be compiled, in a line each, or the codes and words of what is wrong. */
function selected(wanted: Partial<Selection>, targets: readonly TargetName[] = all, of = program): readonly string[] {
  const found = select(of, { ...nothing, ...wanted }, targets, "f.cnx");
  if (!found.ok) return found.diagnostics.map(({ code, message }) => `${code}: ${message}`);
  return found.value.map(
    ({ model, target, dtype, batch }) => `${model.name} ${target} ${dtype} ${batch.min}..${batch.max}`,
  );
}

test("left to the spec: every model that it declares, every target, f32, one image", () => {
  expect(selected({})).toEqual(["a", "b"].flatMap(name => all.map(target => `${name} ${target} f32 1..1`)));
});

test("a build says all of it, and the command line each part anew", () => {
  const build = ["a", "b"].flatMap(name => ["wgsl", "onnx"].map(target => `${name} ${target} f16 2..4`));
  expect(selected({ build: "both" })).toEqual(build);
  expect(selected({ build: "both", models: ["b"] })).toEqual(build.slice(2));
  expect(selected({ build: "both", targets: ["cuda"] })).toEqual(["a cuda f16 2..4", "b cuda f16 2..4"]);
  expect(selected({ build: "both", models: ["a"], dtypes: ["f32", "f16"], targets: ["onnx"] })).toEqual([
    "a onnx f32 2..4",
    "a onnx f16 2..4",
  ]);
  expect(selected({ build: "both", models: ["a"], targets: ["wgsl"], batch: { min: 3, max: 3 } })).toEqual([
    "a wgsl f16 3..3",
  ]);
});

test("what there is not is told with the nearest, or with all there are", () => {
  const [found = ""] = selected({ build: "botj" });
  expect(found).toMatch(/^no-such-build: .*'botj'.*'both'/);
  expect(selected({ build: "x" }, all, checked("model a { depths [1] dims [4] }"))[0]).toMatch(/no-such-build: .*none/);
  expect(selected({ models: ["a", "c", "zzz"] })).toEqual([
    expect.stringMatching(/^no-such-model: .*'c'/),
    expect.stringMatching(/^no-such-model: .*'zzz'.*a, b/),
  ]);
  expect(selected({ models: [] })).toEqual([expect.stringMatching(/^no-models: .*f\.cnx/)]);
  const many = checked(Array.from({ length: 14 }, (_, i) => `model m${i} { depths [1] dims [4] }\n`).join(""));
  expect(selected({ models: ["quite_else"] }, all, many)[0]).toMatch(/m0, .*m11(?!\d|, m12)/);
});

test("targets that are not made, and types that a target does not store, all at once and at the build that says so", () => {
  expect(selected({ targets: ["cuda"] }, ["wgsl", "onnx"])).toEqual([
    expect.stringMatching(/^target-missing: .*cuda.*wgsl and onnx/),
  ]);
  expect(selected({ dtypes: ["f32", "bf16"] })).toEqual([
    "dtype-missing: the wgsl target stores f32 and f16, not bf16",
    "dtype-missing: the onnx target stores f32 and f16, not bf16",
  ]);
  expect(selected({ dtypes: ["bf16"], targets: ["cuda"], models: ["a"] })).toEqual(["a cuda bf16 1..1"]);
  const placed = select(program, { ...nothing, build: "both", dtypes: ["bf16"] }, ["wgsl", "onnx"], "f.cnx");
  expect(placed.diagnostics.map(({ place }) => place)).toEqual(Array(2).fill(program.builds[0]?.span));
  const unplaced = select(program, { ...nothing, dtypes: ["bf16"], targets: ["wgsl"] }, all, "f.cnx");
  expect(unplaced.diagnostics.map(({ place }) => place)).toEqual([null]);
  expect(storedBy).toEqual({ wgsl: ["f32", "f16"], onnx: ["f32", "f16"], cuda: ["f32", "f16", "bf16"] });
  expect(storageTypes.filter(type => isF16[type])).toEqual(["f16"]);
});

test("inputs: an image, and of a masked autoencoder a mask with what it keeps", () => {
  const image = { name: "pixel_values", shape: [3, 64, 32], keep: null };
  const [a, b] = ["a", "b"].map(name => inputPorts(program.models.get(name) as Model));
  expect(a).toEqual([image]);
  expect(b).toEqual([image, { name: "mask", shape: [2], keep: 1 }]);
});

test("choices: the same from the same seed, every value of a range, none beyond it", () => {
  const drawn = (seed: number) =>
    Array.from(
      { length: 400 },
      (
        source => () =>
          source.int(-1, 3)
      )(choices(seed)),
    );
  expect(drawn(7)).toEqual(drawn(7));
  expect(drawn(7)).not.toEqual(drawn(8));
  expect([...new Set(drawn(0))].sort((a, b) => a - b)).toEqual([-1, 0, 1, 2, 3]);
  expect(drawn(0).slice(0, 12)).toEqual(drawn(0x9e3779b9).slice(0, 12));
  const { pick } = choices(1);
  expect(new Set(Array.from({ length: 60 }, () => pick(["x", "y", "z"]))).size).toBe(3);
});
