import { describe, expect, test } from "vitest";
import { importCheckpoint } from "../../src/import/checkpoint.ts";
import type { Model } from "../../src/model/model.ts";
import { paramsOf } from "../../src/node/inputs/open-weights.ts";
import type { dialects } from "../../src/weights/names/names.ts";
import { convertWeights } from "../../src/weights/use/convert.ts";
import { fileOf } from "../support/tensor-file.ts";
import { again, bare, modelOf, sizes, spec, tiny, told, usual, value } from "./support.ts";

describe("a file of weights", () => {
  /** A file of a model's parameters, in a naming that can hold them. */
  const fileIn = (model: Model, to: (typeof dialects)[number]) => {
    const rows = value(paramsOf(model));
    const { tensors } = value(convertWeights(fileOf(rows), { to, allowUnused: to === "fcmae" }));
    return fileOf(tensors.map(({ name, shape }) => ({ name, shape })));
  };
  const big = "input 224x224x3";

  test.each(sizes)("%s, in every naming of classifiers", (name, fields) => {
    const model = modelOf(spec(fields, name));
    for (const dialect of ["official", "timm", "huggingface", "mmpretrain"] as const)
      expect(again(importCheckpoint(fileIn(model, dialect), usual)), dialect).toEqual(bare(model));
  });

  test.each([
    "kernel_size 3",
    "kernel_size [3, 5, 7]",
    "mlp_ratio 2",
    "stem patch 2",
    "input 224x224x1",
    "head classifier { classes 7 }",
    "head classifier { classes 0 }",
    "head features { levels [1, 2, 3] norm false }",
    "head features { levels [2, 3] norm true }",
    "head fcmae { patch_size 32 decoder { depth 2 dim 48 } }",
    "grn none\nlayer_scale 1e-6",
    "grn none",
  ])("%s", field => {
    const model = modelOf(spec(`${tiny}\n${field.startsWith("input") ? field : `${big}\n${field}`}`));
    expect(again(importCheckpoint(fileIn(model, "official"), usual))).toEqual(bare(model));
  });

  test("a state of pre-training", () => {
    const model = modelOf(spec(`${tiny}\n${big}\nhead fcmae { decoder { depth 2 dim 48 } }`));
    expect(again(importCheckpoint(fileIn(model, "fcmae"), usual))).toEqual(bare(model));
  });

  test("whose tensors do not say enough, or contradict one another", () => {
    const rows = value(paramsOf(modelOf(spec(`${tiny}\n${big}`))));
    const without = rows.filter(({ name }) => !name.includes("dwconv.weight"));
    expect(told(importCheckpoint(fileOf(without), usual))).toEqual([
      "import-unclear: the tensors do not say how many blocks each stage has",
    ]);
    const odd = rows.map(row => (row.name === "stages.1.0.norm.bias" ? { ...row, shape: [3] } : row));
    expect(told(importCheckpoint(fileOf(odd), usual))).toEqual([
      "import-misshapen: the other tensors contradict the shapes of 'stages.1.0.norm.bias'",
    ]);
  });
});
