import { describe, expect, test } from "vitest";
import { modelHash } from "../../src/model/hash.ts";
import type { Model } from "../../src/model/model.ts";
import { checkText, errorsOf, must } from "../syntax/support.ts";

const modelOf = (fields: string, input = "64x64x3"): Model => {
  const [model] = must(checkText(`model m { depths [1] dims [8] input ${input} ${fields} }`)).models.values();
  if (model === undefined) throw new Error("unreachable");
  return model;
};
const preprocessOf = (fields: string, input?: string) => modelOf(`preprocess { ${fields} }`, input).preprocess;

describe("what a spec says of pictures", () => {
  test("is the published evaluation where it says nothing", () => {
    expect(modelOf("").preprocess).toEqual({
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
      bands: [0, 1, 2],
      resize: { mode: "cover", height: 73, width: 73 },
      interpolation: "bicubic",
      display: [0, 1, 2],
    });
    expect(modelOf("", "384x384x3").preprocess.resize).toEqual({ mode: "squash", height: 384, width: 384 });
    expect(modelOf("", "64x96x3").preprocess.resize).toEqual({ mode: "squash", height: 64, width: 96 });
    expect(modelOf("", "64x64x1").preprocess).toMatchObject({ mean: [0], std: [1], bands: null, display: [0] });
    expect(modelOf("", "64x64x4").preprocess).toMatchObject({
      mean: [0, 0, 0, 0],
      bands: [0, 1, 2, 3],
      display: [0, 1, 2, 3],
    });
    expect(modelOf("", "64x64x12").preprocess).toMatchObject({ bands: null, display: [0, 1, 2] });
  });

  test.each<[string, string, object]>([
    ["crop 0.9", "64x64x3", { mode: "cover", height: 71, width: 71 }],
    ["crop 1", "384x384x3", { mode: "cover", height: 384, width: 384 }],
    ["crop 0.5", "64x96x3", { mode: "cover", height: 128, width: 192 }],
    ["resize 80", "64x64x3", { mode: "cover", height: 80, width: 80 }],
    ["resize squash", "64x64x3", { mode: "squash", height: 64, width: 64 }],
    ["resize squash  crop 0.8", "64x64x3", { mode: "squash", height: 80, width: 80 }],
  ])("%s of %s", (fields, input, resize) => {
    expect(preprocessOf(fields, input).resize).toEqual(resize);
  });

  test("one number is that of every channel", () => {
    expect(preprocessOf("mean 0.5  std 0.25", "64x64x2")).toMatchObject({ mean: [0.5, 0.5], std: [0.25, 0.25] });
  });

  test("mean and deviation go with their colours, and so does what is shown", () => {
    expect(preprocessOf("bands [2, 1, 0]")).toMatchObject({
      mean: [0.406, 0.456, 0.485],
      std: [0.225, 0.224, 0.229],
      display: [2, 1, 0],
    });
    expect(preprocessOf("bands [0, 1]", "64x64x2")).toMatchObject({ mean: [0, 0], display: [0] });
    expect(preprocessOf("display [7, 3, 2]", "64x64x12")).toMatchObject({ display: [7, 3, 2] });
  });

  test("is inherited, and replaced as a whole", () => {
    const spec = `model a { depths [1] dims [8] preprocess { mean 0.5  crop 0.9 } }
      model b extends a { input 96x96x3 }
      model c extends a { preprocess { std 0.5 } }`;
    const { models } = must(checkText(spec));
    expect(models.get("b")?.preprocess).toMatchObject({ mean: [0.5, 0.5, 0.5], resize: { height: 106 } });
    expect(models.get("c")?.preprocess.mean).toEqual([0.485, 0.456, 0.406]);
  });

  test.each<[string, string]>([
    ["preprocess { mean [0.5, 0.5] }", "channels-differ"],
    ["preprocess { std 0 }", "out-of-range"],
    ["preprocess { mean none }", "wrong-type"],
    ["preprocess { bands [0, 1, 4] }", "out-of-range"],
    ["preprocess { crop 1.5 }", "out-of-range"],
    ["preprocess { resize 32 }", "resize-small"],
    ["preprocess { resize 96.5 }", "not-an-integer"],
    ["preprocess { resize stretch }", "unknown-word"],
    ["preprocess { interpolation cubic }", "unknown-word"],
    ["preprocess { image_mean 0.5 }", "unknown-field"],
    ["crop_pct 0.9", "unknown-field"],
  ])("%s is refused", (fields, code) => {
    expect(errorsOf(checkText(`model m { depths [1] dims [8] input 64x64x3 ${fields} }`)).map(one => one.code)).toEqual(
      [code],
    );
  });

  test("is part of a model's hash only where it is not as usual", () => {
    const hash = (fields: string) => modelHash([modelOf(fields)]);
    expect(hash("preprocess { crop 0.875  mean [0.485, 0.456, 0.406] }")).toBe(hash(""));
    expect(hash("preprocess { crop 0.9 }")).not.toBe(hash(""));
    expect(hash('head classifier { labels ["a", "b"] }')).not.toBe(hash("head classifier { classes 2 }"));
    expect(hash("head classifier { classes 2  problem single_label }")).toBe(hash("head classifier { classes 2 }"));
    expect(hash("head classifier { classes 2  problem multi_label }")).not.toBe(hash("head classifier { classes 2 }"));
  });
});
