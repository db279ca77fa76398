import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { buildFields, modelFields } from "../../src/model/fields.ts";
import { modelHash } from "../../src/model/hash.ts";
import type { Model } from "../../src/model/model.ts";
import { channelsBetween } from "../../src/model/model.ts";
import { specNames } from "../support/specs.ts";
import { checkFiles, checkText, codesOf, errorsOf, filesOf, must } from "../syntax/support.ts";

const two = "depths [1, 1]  dims [8, 16]";

/** The last model of a text. */
function model(text: string): Model {
  const last = [...must(checkText(text)).models.values()].at(-1);
  if (last === undefined) throw new Error("no model");
  return last;
}

/** A value without the places of its parts. */
const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (key, part) => (key === "span" ? undefined : part)));

describe("models", () => {
  test("state everything", () => {
    expect(plain(model("model atto { depths [2, 2, 6, 2]  dims [40, 80, 160, 320] }"))).toEqual({
      name: "atto",
      input: { height: 224, width: 224, channels: 3 },
      preprocess: {
        mean: [0.485, 0.456, 0.406],
        std: [0.229, 0.224, 0.225],
        bands: [0, 1, 2],
        resize: { mode: "cover", height: 256, width: 256 },
        interpolation: "bicubic",
        display: [0, 1, 2],
      },
      stem: { patch: 4 },
      stages: [
        { depth: 2, dim: 40, kernel: 7 },
        { depth: 2, dim: 80, kernel: 7 },
        { depth: 6, dim: 160, kernel: 7 },
        { depth: 2, dim: 320, kernel: 7 },
      ],
      mlpRatio: 4,
      activation: "gelu",
      normEps: 1e-6,
      grn: "per_sample",
      layerScale: null,
      head: { kind: "classifier", classes: 1000, labels: null, problem: "single_label" },
      weightsSha256: null,
    });
  });

  test("are the same with every default written out", () => {
    const stated = Object.entries(modelFields)
      .flatMap(([name, { default: value }]) => (value === null ? [] : [`${name} ${value}`]))
      .join("\n");
    expect(plain(model(`model a { ${two} ${stated} }`))).toEqual(plain(model(`model a { ${two} }`)));
  });

  test.each(Object.entries(modelFields.head.type.of))(
    "have the same %s with every default written out",
    (kind, fields) => {
      const stated = Object.entries(fields).flatMap(([name, { default: value }]) =>
        value === null ? [] : [`${name} ${value}`],
      );
      const all = plain(model(`model a { ${two} head ${kind} { ${stated.join(" ")} } }`));
      expect(plain(model(`model a { ${two} head ${kind} {} }`))).toEqual(all);
      expect(plain(model(`model a { ${two} head ${kind} }`))).toEqual(all);
    },
  );

  test("take one kernel for all stages, or one a stage", () => {
    expect(model(`model a { ${two} kernel_size 5 }`).stages.map(({ kernel }) => kernel)).toEqual([5, 5]);
    expect(model(`model a { ${two} kernel_size [3, 5] }`).stages.map(({ kernel }) => kernel)).toEqual([3, 5]);
  });

  test("keep a patch of 384 of 64 at the published ratio", () => {
    const head = "head fcmae { mask_ratio 0.6 }";
    expect(model(`model a { ${two} input 384x384x3 ${head} }`).head).toMatchObject({ maskRatio: 0.6, patchSize: 32 });
  });
});

/** Of `two` alone, as the first version had it. */
const plainHash = "4a554e3cadecba01e4d2d62a2ab742e2e385cc7b61c7e3cbdc1780f839c1c375";

describe("what timm has beyond the published networks", () => {
  const hashOf = (fields: string) => modelHash([model(`model a { ${two} ${fields} }`)]);

  test("is no part of what models without it mean", () => {
    const usual =
      "conv_bias true norm_layer layernorm activation gelu stem patch 4 head classifier { classes 1000 norm_first false }";
    expect(hashOf(usual)).toBe(hashOf(""));
    // Of models from before there was any of it: specs, manifests and caches name it.
    expect(hashOf("")).toBe(plainHash);
  });

  test.each([
    ["conv_bias false", { convBias: false }],
    ["norm_layer simplenorm", { normLayer: "simplenorm" }],
    ["activation silu", { activation: "silu" }],
    ["stem overlap_act", { stem: { patch: 4, overlap: "overlap_act" } }],
    ["head classifier { hidden_size 12 }", { head: { kind: "classifier", classes: 1000, hiddenSize: 12 } }],
    ["head classifier { norm_first true }", { head: { kind: "classifier", classes: 1000, normFirst: true } }],
  ])("%s is another model", (fields, expected) => {
    expect(model(`model a { ${two} ${fields} }`)).toMatchObject(expected);
    expect(hashOf(fields)).not.toBe(hashOf(""));
  });

  test.each([
    [20, 16],
    [32, 16],
    [40, 24],
    [48, 24],
    [50, 24],
    [64, 32],
    [8, 8],
    [1, 8],
  ])("of a tiered stem of %i channels %i are between its convolutions", (dim, between) => {
    expect(channelsBetween("overlap_tiered", dim)).toBe(between);
    expect(channelsBetween("overlap", dim)).toBe(dim);
  });
});

describe("inheritance", () => {
  test("replaces whole fields, whatever the order of declarations", () => {
    const child = model(`model b extends a { head fcmae { patch_size 8 } }
      model a { ${two} input 64x64x3 grn none head fcmae { mask_ratio 0.5 decoder { dim 8 } } }
      model c extends b { activation gelu_tanh }`);
    expect(child).toMatchObject({
      activation: "gelu_tanh",
      grn: "none",
      input: { height: 64 },
      head: { maskRatio: 0.6, patchSize: 8, decoder: { depth: 1, dim: 512 } },
    });
  });

  test("W20: the file of its weights is a model's own", () => {
    const hash = "0123456789ABCDEF".repeat(4);
    const text = `model a { ${two} weights { sha256 "${hash}" } } model b extends a {}`;
    const { models } = must(checkText(`${text} model c extends b { weights { sha256 "${"f".repeat(64)}" } }`));
    expect([...models.values()].map(({ weightsSha256 }) => weightsSha256)).toEqual([
      hash.toLowerCase(),
      null,
      "f".repeat(64),
    ]);
    const bare = must(checkText(`model a { ${two} }`)).models.get("a");
    expect(modelHash([...models.values()].slice(0, 1))).toBe(modelHash(bare === undefined ? [] : [bare]));
  });

  test("tells what is wrong once, where it stands", () => {
    const text = `model a { depths [0] dims [8] } model b extends a {} model c extends b { mlp_ratio 0 }`;
    expect(codesOf(checkText(text))).toEqual(["out-of-range", "out-of-range"]);
    expect(codesOf(checkText("model a { depths [1] } model b extends a {}"))).toEqual(["missing-field"]);
    expect(codesOf(checkText("model a extends x {} model b extends a {}"))).toEqual(["unknown-model"]);
  });
});

describe("programs", () => {
  test("hold what is imported, but declare only their own", () => {
    const program = must(
      checkFiles(
        filesOf({
          "input.cnx": `import "base.cnx"\nmodel c extends b {}\nmodel a { ${two} }\nbuild web {}`,
          "base.cnx": `model b { ${two} }\nbuild other {}`,
        }),
      ),
    );
    expect([...program.models.keys()]).toEqual(["b", "c", "a"]);
    expect(program.declared).toEqual(["c", "a"]);
    expect(program.builds.map(({ name, models }) => [name, models])).toEqual([
      ["other", ["b"]],
      ["web", ["c", "a"]],
    ]);
  });

  test("fill in builds", () => {
    const [web] = must(checkText(`model a { ${two} } build web {}`)).builds;
    expect(web).toMatchObject({
      models: ["a"],
      targets: ["wgsl", "onnx", "cuda"],
      dtypes: [buildFields.dtype.default],
      batch: { min: 1, max: 1 },
    });
    const [wide] = must(
      checkText(`model a { ${two} } build web { models a target onnx dtype [f16, bf16] batch 2..8 }`),
    ).builds;
    expect(wide).toMatchObject({ targets: ["onnx"], dtypes: ["f16", "bf16"], batch: { min: 2, max: 8 } });
  });

  test("name things of different kinds alike", () => {
    expect(must(checkText(`model a { ${two} } build a {} sweep a extends a {}`)).sweeps).toHaveLength(1);
  });

  test("tell all that is wrong in the order of the text", () => {
    const text = `build web { target metal }\nmodel a { depts [1] }\nsweep s extends b {}\nmodel c extends c {}\n`;
    expect(codesOf(checkText(text))).toEqual(["unknown-word", "unknown-field", "unknown-model", "inherit-cycle"]);
  });

  test("many unknown names are refused without comparing every letter of all", { timeout: 20_000 }, () => {
    const names = Array.from({ length: 500 }, (_, i) => `model name_of_a_model_${i} { ${two} }\n`).join("");
    const unknown = Array.from({ length: 500 }, (_, i) => `model x${i} extends nome_of_a_modul_${i} {}\n`).join("");
    expect(errorsOf(checkText(names + unknown))).toHaveLength(500);
  });
});

test.each(specNames)("specs/%s is right", name => {
  const files = specNames.map(file => [file, readFileSync(`specs/${file}`)] as const);
  must(checkFiles(new Map(files), name));
});
