import { describe, expect, test } from "vitest";
import type { Diagnostic, Result } from "../../../src/diagnostics/diagnostic.ts";
import { type Dialect, translate } from "../../../src/weights/names/names.ts";
import type { Param, Weights } from "../../../src/weights/tensor.ts";
import { bindWeights } from "../../../src/weights/use/bind.ts";
import { goldenParams, goldenWeights, readGolden } from "../../support/golden.ts";
import { fileOf, type Row } from "../../support/tensor-file.ts";

const micro = readGolden("dense/micro-64x64-b2");
const params = goldenParams(micro);
const official = goldenWeights(micro);

const listed = ({ diagnostics }: Result<Weights>): readonly string[] =>
  diagnostics.map(({ code, message, notes }) => [`${code}: ${message}`, ...notes.map(note => note.message)].join("; "));

const only = (name: string): Param => params.find(param => param.name === name) ?? { name, shape: [] };
const without = (...names: readonly string[]): readonly Row[] => params.filter(({ name }) => !names.includes(name));

type Dense = "official" | "timm" | "huggingface" | "mmpretrain";

/** How timm (with `conv_mlp`) and Hugging Face shape the same tensors. */
const shapeIn: Readonly<Record<Dense, (param: Param) => readonly number[]>> = {
  official: ({ shape }) => shape,
  timm: ({ name, shape }) =>
    /pwconv/.test(name) && shape.length === 2
      ? [...shape, 1, 1]
      : shape.filter(n => n !== 1 || shape.length !== 4 || !/grn/.test(name)),
  huggingface: ({ shape }) => shape,
  mmpretrain: ({ name, shape }) => (/grn/.test(name) ? shape.slice(3) : shape),
};

describe("dialects", () => {
  test.each<Dense>(["official", "timm", "huggingface", "mmpretrain"])(
    "the same values from a %s file",
    async dialect => {
      const rows: Row[] = [];
      for (const param of params) {
        const name = translate(param.name, "official", dialect, new Map([["final", "3"]]))?.name ?? "";
        rows.push({ name, shape: shapeIn[dialect](param), values: await official.f32(param.name) });
      }
      const bound = await bindWeights(fileOf(rows.toReversed()), params);
      expect(listed(bound)).toEqual([]);
      if (!bound.ok) throw new Error("unreachable");
      for (const { name } of params) expect(await bound.value.f32(name)).toEqual(await official.f32(name));
      expect(bound.value.origin).toBe("w.safetensors");
    },
  );

  test.each<Dialect>(["timm_features", "dinov3", "torchvision"])(
    "the same values from a %s file of V1",
    async dialect => {
      const v1 = readGolden("options/micro-v1-64x64-b2");
      const values = goldenWeights(v1);
      const rows: Row[] = [];
      const needed: Param[] = [];
      for (const param of goldenParams(v1)) {
        const name = translate(param.name, "official", dialect)?.name;
        if (name === undefined) continue;
        const shape = dialect === "torchvision" && name.endsWith("layer_scale") ? [...param.shape, 1, 1] : param.shape;
        rows.push({ name, shape, values: await values.f32(param.name) });
        needed.push(param);
      }
      const bound = await bindWeights(fileOf(rows), needed);
      expect(listed(bound)).toEqual([]);
      if (!bound.ok) throw new Error("unreachable");
      for (const { name } of needed) expect(await bound.value.f32(name)).toEqual(await values.f32(name));
      expect(needed.length).toBeGreaterThan(60);
    },
  );

  test.each(["head.fc.1", "head.fc.12"])("a head in a Sequential: %s", async head => {
    const rows = params.map(({ name, shape }) => ({
      name: (translate(name, "official", "timm")?.name ?? "").replace("head.fc", head),
      shape,
    }));
    expect(listed(await bindWeights(fileOf(rows), params))).toEqual([]);
    const twice = await bindWeights(fileOf([...rows, { name: "head.fc.4.bias", shape: [10] }]), params);
    expect(listed(twice)).toEqual([expect.stringMatching(/^weights-two-names: .* both the model's 'head.bias'/)]);
  });

  test("GRN vectors as (1,4C), as in a sparse file", async () => {
    const rows = params.map(({ name, shape }) => ({ name, shape: /grn/.test(name) ? shape.slice(2) : shape }));
    expect(listed(await bindWeights(fileOf(rows), params))).toEqual([]);
  });
});

describe("a head that the file has nothing of", () => {
  const encoder = without(...params.map(({ name }) => name).filter(name => /^(norm|head)\./.test(name)));
  const head: Weights = { origin: "drawn", f32: async () => Float32Array.of(7) };

  test("may come from elsewhere, and is told", async () => {
    const bound = await bindWeights(fileOf(encoder), params, undefined, { head });
    expect(listed(bound)).toEqual([expect.stringContaining("weights-head-drawn")]);
    if (!bound.ok) throw new Error("unreachable");
    expect([...(await bound.value.f32("head.weight")), ...(await bound.value.f32("norm.bias"))]).toEqual([7, 7]);
    expect((await bound.value.f32("stages.0.0.grn.gamma")).length).toBe(32);
    expect(bound.value.inFile).toBeUndefined();
  });

  test("is the file's where it has one, and what is missing of it is missing", async () => {
    const whole = await bindWeights(fileOf([...params]), params, undefined, { head });
    expect(listed(whole)).toEqual([]);
    if (whole.ok) expect((await whole.value.f32("head.bias")).length).toBe(10);
    expect(listed(await bindWeights(fileOf(without("head.bias")), params, undefined, { head }))).toEqual([
      expect.stringContaining("weights-missing"),
    ]);
  });
});

describe("what does not fit", () => {
  const cases: readonly [title: string, rows: readonly Row[], needed: readonly Param[], expected: readonly string[]][] =
    [
      [
        "one tensor missing",
        without("head.bias"),
        params,
        ["weights-missing: the model's 'head.bias' [10] is not in the file"],
      ],
      [
        "one misnamed",
        [...without("stages.0.0.grn.gamma"), { name: "stages.0.0.grn.gama", shape: [1, 1, 1, 32] }],
        params,
        [
          "weights-missing: the model's 'stages.0.0.grn.gamma' [1, 1, 1, 32] is not in the file, which has 'stages.0.0.grn.gama'",
          "weights-extra: the file's 'stages.0.0.grn.gama' is no parameter of the model, did you mean 'stages.0.0.grn.gamma'?; --allow-extra leaves what the model does not know, with a warning; --rename 'stages.0.0.grn.gama=stages.0.0.grn.gamma' takes stages.0.0.grn.gama for stages.0.0.grn.gamma",
        ],
      ],
      [
        "one extra",
        [...params, { name: "extra", shape: [1] }],
        params,
        [
          "weights-extra: the file's 'extra' is no parameter of the model; --allow-extra leaves what the model does not know, with a warning",
        ],
      ],
      [
        "a layer scale the model does not have",
        [...params, { name: "stages.0.0.gamma", shape: [8] }],
        params,
        [
          "weights-extra: the file's 'stages.0.0.gamma' is no parameter of the model; --allow-extra leaves what the model does not know, with a warning",
        ],
      ],
      [
        "another number of classes",
        [
          ...without("head.weight", "head.bias"),
          { name: "head.weight", shape: [21841, 40] },
          { name: "head.bias", shape: [21841] },
        ],
        params,
        [
          "weights-shape: tensor 'head.weight' has shape [21841, 40] but the model needs [10, 40]; the file has 21841 classes, as a spec says with `classes 21841`; cnxc weights convert --classes 10 makes a head of zeros instead, to be trained anew",
          "weights-shape: tensor 'head.bias' has shape [21841] but the model needs [10]",
        ],
      ],
      [
        "a grey stem",
        params.map(row => (row.name === "downsample_layers.0.0.weight" ? { ...row, shape: [8, 1, 4, 4] } : row)),
        params,
        [
          "weights-shape: tensor 'downsample_layers.0.0.weight' has shape [8, 1, 4, 4] but the model needs [8, 3, 4, 4]; the file takes 1 channel, as a spec says with `input HEIGHTxWIDTHx1`",
        ],
      ],
      [
        "missing, unused and of the wrong shape at once",
        [
          ...without("norm.bias", "stages.0.0.pwconv1.bias"),
          { name: "stages.0.0.pwconv1.biass", shape: [32] },
          { name: "norm.bias", shape: [7] },
        ],
        params,
        [
          "weights-shape: tensor 'norm.bias' has shape [7] but the model needs [40]",
          "weights-missing: the model's 'stages.0.0.pwconv1.bias' [32] is not in the file, which has 'stages.0.0.pwconv1.biass'",
          "weights-extra: the file's 'stages.0.0.pwconv1.biass' is no parameter of the model, did you mean 'stages.0.0.pwconv1.bias'?; --allow-extra leaves what the model does not know, with a warning; --rename 'stages.0.0.pwconv1.biass=stages.0.0.pwconv1.bias' takes stages.0.0.pwconv1.biass for stages.0.0.pwconv1.bias",
        ],
      ],
      [
        "no data where data are due",
        [...without("head.bias"), { name: "head.bias", shape: [0] }],
        params,
        ["weights-shape: tensor 'head.bias' has shape [0] but the model needs [10]"],
      ],
      [
        "element types that are no weights",
        [
          ...without("head.bias", "norm.bias"),
          { ...only("head.bias"), dtype: "F64" },
          { ...only("norm.bias"), dtype: "I8" },
        ],
        params,
        [
          "weights-dtype: tensor 'norm.bias' has dtype 'I8', which is not one of F32, F16, BF16",
          "weights-dtype: tensor 'head.bias' has dtype 'F64', which is not one of F32, F16, BF16",
        ],
      ],
      [
        "another published size",
        goldenParams(readGolden("dense/atto-224x224-b1")),
        goldenParams(readGolden("dense/base-224x224-b1")),
        [
          "weights-architecture: the file looks like atto: depths [2, 2, 6, 2], dims [40, 80, 160, 320], but the model has depths [3, 3, 27, 3], dims [128, 256, 512, 1024]",
        ],
      ],
      [
        "a size nobody published",
        params,
        goldenParams(readGolden("dense/atto-224x224-b1")),
        [
          "weights-architecture: the file holds depths [1, 1, 2, 1], dims [8, 16, 24, 40], but the model has depths [2, 2, 6, 2], dims [40, 80, 160, 320]",
        ],
      ],
      [
        "the names of DataParallel",
        params.map(({ name, shape }) => ({ name: `module.${name}`, shape })),
        params,
        [
          "weights-prefix: every tensor name begins with 'module.', which no ConvNeXt checkpoint format has; --strip-prefix module. takes what lies below it",
        ],
      ],
      [
        "another network altogether",
        [
          { name: "layer1.0.conv1.weight", shape: [64, 64, 3, 3] },
          { name: "fc.bias", shape: [1000] },
        ],
        params,
        [
          "weights-unknown-names: no tensor has a name known from a ConvNeXt checkpoint; the first are 'layer1.0.conv1.weight', 'fc.bias'; --rename FROM=TO gives a name that is known",
        ],
      ],
      [
        "a head of another name",
        [
          ...without("norm.weight", "norm.bias", "head.weight", "head.bias"),
          { name: "fc.out.weight", shape: [10, 40] },
          { name: "fc.out.bias", shape: [10] },
        ],
        params,
        [
          "weights-no-part: the file has no head: 'norm', 'head' are missing; --rename 'fc.out.=head.' takes fc.out. for head.",
          "weights-extra: the file's 'fc.out.weight' is no parameter of the model; --allow-extra leaves what the model does not know, with a warning",
          "weights-extra: the file's 'fc.out.bias' is no parameter of the model",
        ],
      ],
      [
        "a name that no rule could have",
        [...without("head.bias"), { name: "head.bias=", shape: [10] }],
        params,
        [
          "weights-missing: the model's 'head.bias' [10] is not in the file, which has 'head.bias='",
          "weights-extra: the file's 'head.bias=' is no parameter of the model, did you mean 'head.bias'?; --allow-extra leaves what the model does not know, with a warning",
        ],
      ],
      ["an empty file", [], params, ["weights-unknown-names: the file holds no tensors"]],
      [
        "a name of a prototype",
        [...params, { name: "__proto__", shape: [1] }, { name: "constructor", shape: [1] }],
        params,
        [
          "weights-extra: the file's '__proto__' is no parameter of the model; --allow-extra leaves what the model does not know, with a warning",
          "weights-extra: the file's 'constructor' is no parameter of the model",
        ],
      ],
      [
        "one parameter under two names",
        [
          ...params.map(({ name, shape }) => ({ name: translate(name, "official", "huggingface")?.name ?? "", shape })),
          { name: "layernorm.bias", shape: [40] },
        ],
        params,
        [
          "weights-two-names: 'convnextv2.layernorm.bias' and 'layernorm.bias' are both the model's 'norm.bias'; the other is declared here",
        ],
      ],
    ];
  test.each(cases)("%s", async (_, rows, needed, expected) => {
    const bound = await bindWeights(fileOf(rows), needed);
    expect(bound.ok).toBe(false);
    expect(listed(bound)).toEqual(expected);
  });

  test("twenty are listed, the rest counted", async () => {
    const rows = params.map(({ name, shape }) => ({ name, shape: /grn|norm|bias/.test(name) ? [7] : shape }));
    const bound = listed(await bindWeights(fileOf(rows), params));
    const wrong = rows.filter(({ shape }) => shape.length === 1 && shape[0] === 7).length;
    expect(bound).toHaveLength(20);
    expect(bound.at(-1)).toMatch(new RegExp(`and ${wrong - 20} more tensors do not fit$`));
  });

  test("65,536 strangers are not compared with each other", { timeout: 20_000 }, async () => {
    const many = Array.from({ length: 65_536 }, (_, k) => ({ name: `stages.0.0.grn.gamma${k}`, shape: [1] }));
    const file = fileOf([...without("stages.0.0.grn.gamma"), ...many]);
    expect(listed(await bindWeights(file, params))).toHaveLength(20);
  });
});

describe("what is only worth a word", () => {
  test("a classifier's file for a backbone", async () => {
    const trunk = params.filter(({ name }) => !/^(norm|head)\./.test(name));
    const bound = await bindWeights(fileOf(params), trunk);
    expect(bound.ok).toBe(true);
    expect(listed(bound)).toEqual([
      "weights-unused: the model has no use for 'norm.weight', 'norm.bias', 'head.weight', 'head.bias'",
    ]);
  });

  test("W02: strangers, where they are allowed", async () => {
    const many = Array.from({ length: 25 }, (_, k) => ({ name: `extra.${k}`, shape: [1] }));
    const rows = [...params, { name: "stages.0.0.gamma", shape: [8] }, ...many];
    const bound = await bindWeights(fileOf(rows), params, undefined, { allowExtra: true });
    expect(bound.ok).toBe(true);
    expect(listed(bound)).toEqual([
      expect.stringMatching(/^weights-unused: the model has no use for 'stages.0.0.gamma', 'extra.0', .* and 6 more$/),
    ]);
  });

  test("values that are not finite, told when they are read", async () => {
    const values = Float32Array.of(0, 1, Number.NaN, 3, Number.NEGATIVE_INFINITY, 5, 6, 7, 8, 9);
    const reported: Diagnostic[] = [];
    const rows = [...without("head.bias"), { ...only("head.bias"), values }];
    const bound = await bindWeights(fileOf(rows), params, diagnostic => reported.push(diagnostic));
    if (!bound.ok) throw new Error("unreachable");
    await bound.value.f32("head.weight");
    expect(reported).toEqual([]);
    expect(await bound.value.f32("head.bias")).toEqual(values);
    expect(reported).toMatchObject([
      {
        severity: "warning",
        code: "weights-nonfinite",
        message: "tensor 'head.bias' has NaN at index 2, and 1 more values that are not finite",
        place: { file: "w.safetensors", offset: 1000 * (rows.length - 1) + 8 },
      },
    ]);
  });

  test.each([
    ["a head of zeros, whichever is read last", 1, 0, ["weights-head-zero"]],
    ["a network before training, once", 0, 0, ["weights-grn-zero"]],
    ["nothing of a trained one", 1, 1, []],
  ])("%s", async (_, grn, head, expected) => {
    for (const order of [params, params.toReversed()]) {
      const reported: string[] = [];
      const rows = params.map(row => {
        const value = row.name.includes(".grn.") ? grn : row.name.startsWith("head.") ? head : 1;
        return { ...row, values: new Float32Array(row.shape.reduce((a, b) => a * b, 1)).fill(value) };
      });
      const bound = await bindWeights(fileOf(rows), params, ({ code }) => reported.push(code));
      if (!bound.ok) throw new Error("unreachable");
      for (const { name } of order) await bound.value.f32(name);
      expect(reported).toEqual(expected);
    }
  });

  test("GRN at its start, all zero, is as good as any", async () => {
    expect(listed(await bindWeights(fileOf(params), params))).toEqual([]);
  });
});
