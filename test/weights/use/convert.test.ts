import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dtypeBytes, type WeightDType, weightDTypes } from "../../../src/weights/dtype.ts";
import { type Dialect, dialects, translate } from "../../../src/weights/names/names.ts";
import { joined } from "../../../src/weights/pieces.ts";
import { elements, type TensorFile } from "../../../src/weights/tensor.ts";
import { convertWeights } from "../../../src/weights/use/convert.ts";
import { inspectWeights } from "../../../src/weights/use/inspect.ts";
import { goldenParams, readGolden } from "../../support/golden.ts";
import { fileOf, type Row } from "../../support/tensor-file.ts";

const rowsOf = (golden: string): readonly Row[] => goldenParams(readGolden(golden));
const byName = (rows: readonly Row[]) => Object.fromEntries(rows.map(({ name, shape }) => [name, shape]));

/** The rows of a file in another dialect, or the sentences that say why not. */
async function rowsIn(to: Dialect, rows: readonly Row[], allowUnused = false): Promise<readonly Row[]> {
  const converted = convertWeights(fileOf(rows), { to, allowUnused });
  if (!converted.ok) throw new Error(converted.diagnostics.map(({ message }) => message).join("\n"));
  return Promise.all(
    converted.value.tensors.map(async ({ name, dtype, shape, bytes }) => ({
      name,
      dtype,
      shape,
      bytes: await joined(await bytes(), elements(shape) * dtypeBytes[dtype]),
    })),
  );
}

/** A state of pre-training as the official code saves it, of any size. */
interface Sizes {
  readonly stages: readonly { readonly depth: number; readonly dim: number; readonly kernel: number }[];
  readonly ratio: number;
  readonly channels: number;
  readonly patch: number;
  readonly decoder: { readonly depth: number; readonly dim: number };
}

function stateOf({
  stages,
  ratio,
  channels,
  patch,
  decoder,
}: Sizes): readonly (readonly [string, readonly number[]])[] {
  const pair = (name: string, weight: readonly number[], bias: readonly number[], suffix = "weight") =>
    [[`${name}.${suffix}`, weight] as const, [`${name}.bias`, bias] as const] as const;
  const dims = stages.map(({ dim }) => dim);
  const [first = 0, last = 0] = [dims[0], dims.at(-1)];
  return [
    ...pair("encoder.downsample_layers.0.0", [first, channels, patch, patch], [first]),
    ...pair("encoder.downsample_layers.0.1", [first], [first]),
    ...stages.flatMap(({ depth, dim, kernel }, i) => {
      const before = dims[i - 1] ?? 0;
      const down = `encoder.downsample_layers.${i}`;
      return [
        ...(i === 0 ? [] : pair(`${down}.0.ln`, [before], [before])),
        ...(i === 0 ? [] : pair(`${down}.1`, [4, before, dim], [1, dim], "kernel")),
        ...Array.from({ length: depth }, (_, j) => `encoder.stages.${i}.${j}`).flatMap(block => [
          ...pair(`${block}.dwconv`, [kernel * kernel, dim], [1, dim], "kernel"),
          ...pair(`${block}.norm.ln`, [dim], [dim]),
          ...pair(`${block}.pwconv1.linear`, [ratio * dim, dim], [ratio * dim]),
          [`${block}.grn.gamma`, [1, ratio * dim]] as const,
          [`${block}.grn.beta`, [1, ratio * dim]] as const,
          ...pair(`${block}.pwconv2.linear`, [dim, ratio * dim], [dim]),
        ]),
      ];
    }),
    ["mask_token", [1, decoder.dim, 1, 1]],
    ...pair("proj", [decoder.dim, last, 1, 1], [decoder.dim]),
    ...Array.from({ length: decoder.depth }, (_, j) => `decoder.${j}`).flatMap(block => [
      ...pair(`${block}.dwconv`, [decoder.dim, 1, 7, 7], [decoder.dim]),
      ...pair(`${block}.norm`, [decoder.dim], [decoder.dim]),
      ...pair(`${block}.pwconv1`, [4 * decoder.dim, decoder.dim], [4 * decoder.dim]),
      [`${block}.grn.gamma`, [1, 1, 1, 4 * decoder.dim]] as const,
      [`${block}.grn.beta`, [1, 1, 1, 4 * decoder.dim]] as const,
      ...pair(`${block}.pwconv2`, [decoder.dim, 4 * decoder.dim], [decoder.dim]),
    ]),
    ...pair("pred", [channels * 64, decoder.dim, 1, 1], [channels * 64]),
  ];
}

const small = (max: number) => fc.integer({ min: 1, max });
const sizes: fc.Arbitrary<Sizes> = fc.record({
  stages: fc.array(fc.record({ depth: small(2), dim: small(6), kernel: fc.constantFrom(1, 3, 5, 7) }), {
    minLength: 1,
    maxLength: 4,
  }),
  ratio: small(4),
  channels: small(4),
  patch: fc.constantFrom(1, 2, 4),
  decoder: fc.record({ depth: small(2), dim: small(5) }),
});

/** Every tensor of an element type of its own, and of bytes that are all different from their neighbours. */
const state = fc.tuple(sizes, fc.infiniteStream(fc.constantFrom(...weightDTypes))).map(([of, dtypes]) =>
  stateOf(of).map(([name, shape], k): Required<Omit<Row, "values">> => {
    const dtype = dtypes.next().value as WeightDType;
    const bytes = Uint8Array.from({ length: elements(shape) * dtypeBytes[dtype] }, (_, i) => (i * 73 + k) & 255);
    return { name, shape, dtype, bytes };
  }),
);

/** In the order of names, with bytes as text, which compares in a moment. */
const sorted = (rows: readonly Row[]) =>
  [...rows]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(row => ({ ...row, bytes: Buffer.from(row.bytes ?? []).toString("base64") }));

describe("fcmae and official", () => {
  test("there and back again, every bit", async () => {
    await fc.assert(
      fc.asyncProperty(state, async rows => {
        const official = await rowsIn("official", rows);
        expect(sorted(await rowsIn("fcmae", official))).toEqual(sorted(rows));
      }),
      { seed: 6, numRuns: 150 },
    );
  });

  test("each element is where the formulas put it", async () => {
    await fc.assert(
      fc.asyncProperty(state, async rows => {
        const official = new Map((await rowsIn("official", rows)).map(row => [row.name, row]));
        for (const { name, shape, bytes, dtype } of rows.filter(({ name }) => name.endsWith(".kernel"))) {
          const dense = official.get(name.replace("encoder.", "").replace(/kernel$/, "weight"));
          const [taps = 0, ...rest] = shape;
          const [inputs = 1, outputs = 1] = rest.length === 1 ? [1, ...rest] : rest;
          const side = Math.sqrt(taps);
          const width = dtypeBytes[dtype];
          expect(dense).toMatchObject({ shape: [outputs, inputs, side, side], dtype });
          const expected = new Uint8Array(bytes.length);
          for (let o = 0; o < outputs; o++)
            for (let i = 0; i < inputs; i++)
              for (let y = 0; y < side; y++)
                for (let x = 0; x < side; x++) {
                  const from = ((y + side * x) * inputs + i) * outputs + o;
                  const to = ((o * inputs + i) * side + y) * side + x;
                  expected.set(bytes.subarray(from * width, (from + 1) * width), to * width);
                }
          expect(dense?.bytes).toEqual(expected);
        }
      }),
      { seed: 7, numRuns: 40 },
    );
  });

  test("the names and shapes of the dense code", async () => {
    const dense = byName(rowsOf("dense/atto-224x224-b1"));
    const converted = byName(await rowsIn("official", rowsOf("fcmae/atto-224-b2")));
    for (const [name, shape] of Object.entries(dense))
      expect(converted[name], name).toEqual(/^(norm|head)\./.test(name) ? undefined : shape);
  });
});

describe("between the dense dialects", () => {
  test.each<[string, string]>([
    ["dense/atto-224x224-b1", "atto"],
    ["options/micro-v1-64x64-b2", "V1"],
  ])("%s round through all of them", async golden => {
    const rows = rowsOf(golden);
    for (const through of ["timm", "huggingface", "mmpretrain"] as const) {
      const there = await rowsIn(through, rows);
      expect(byName(await rowsIn("official", there))).toEqual(byName(rows));
    }
  });

  test.each<[string, Record<string, readonly number[]>]>([
    // timm makes the linear layers of the four smallest as 1×1 convolutions, and GRN without dimensions of 1.
    [
      "atto-224x224-b1",
      { "stages.0.blocks.0.mlp.fc1.weight": [160, 40, 1, 1], "stages.0.blocks.0.mlp.grn.weight": [160] },
    ],
    ["tiny-224x224-b1", { "stages.0.blocks.0.mlp.fc1.weight": [384, 96], "stages.0.blocks.0.mlp.grn.bias": [384] }],
  ])("%s as timm shapes it", async (name, expected) => {
    expect(byName(await rowsIn("timm", rowsOf(`dense/${name}`)))).toMatchObject({
      ...expected,
      "head.fc.weight": [1000, name.startsWith("atto") ? 320 : 768],
    });
  });

  test("Hugging Face's two models, by whether there is a GRN", async () => {
    const names = async (golden: string) => (await rowsIn("huggingface", rowsOf(golden))).map(({ name }) => name);
    expect(await names("dense/micro-64x64-b2")).toContain("convnextv2.encoder.stages.0.layers.0.grn.weight");
    expect(await names("options/micro-v1-64x64-b2")).toContain(
      "convnext.encoder.stages.0.layers.0.layer_scale_parameter",
    );
    expect(await names("dense/micro-64x64-b2")).toContain("classifier.weight");
  });

  test("encoders of any size through the others, every bit", async () => {
    await fc.assert(
      fc.asyncProperty(state, fc.constantFrom<Dialect>("timm", "huggingface", "mmpretrain"), async (rows, through) => {
        const encoder = await rowsIn(
          "official",
          rows.filter(({ name }) => name.startsWith("encoder.")),
        );
        expect(sorted(await rowsIn("official", await rowsIn(through, encoder)))).toEqual(sorted(encoder));
      }),
      { seed: 8, numRuns: 60 },
    );
  });

  /** Rows of f32 whose elements are all different from their neighbours. */
  const withBytes = (rows: readonly Row[]): readonly Row[] =>
    rows.map(({ name, shape }, k) => {
      const bytes = Uint8Array.from({ length: 4 * elements(shape) }, (_, i) => (i * 73 + k) & 255);
      return { name, shape, dtype: "F32", bytes };
    });

  test("every naming to every other and back, every bit", async () => {
    const all = [...rowsOf("dense/micro-64x64-b2"), ...rowsOf("options/micro-v1-64x64-b2")];
    const both = withBytes([...new Map(all.map(row => [row.name, row])).values()]);
    const final = new Map([["final", "3"]]);
    for (const from of dialects)
      for (const to of dialects) {
        const hasName = ({ name }: Row) => [from, to].every(of => translate(name, "official", of, final) !== null);
        const rows = await rowsIn(from, both.filter(hasName));
        expect(rows.length).toBeGreaterThan(50);
        expect(sorted(await rowsIn(from, await rowsIn(to, rows))), `${from} ${to}`).toEqual(sorted(rows));
      }
  });

  test("the LayerNorms of a feature head", async () => {
    const encoder = rowsOf("dense/micro-64x64-b2").filter(({ name }) => /^(down|stages)/.test(name));
    const norms = [8, 16, 24, 40].map((dim, i) => ({ name: `norm${i}.weight`, shape: [dim] }));
    const rows = withBytes([...encoder, ...norms]);
    for (const through of ["huggingface", "mmpretrain"] as const)
      expect(sorted(await rowsIn("official", await rowsIn(through, rows))), through).toEqual(sorted(rows));
  });

  test("two tensors with one name in MMPretrain: the second is left over", async () => {
    const rows = [...rowsOf("dense/micro-64x64-b2"), { name: "norm3.weight", shape: [40] }];
    await expect(rowsIn("mmpretrain", rows)).rejects.toThrow("'norm3.weight' cannot be named in mmpretrain");
    expect(await rowsIn("mmpretrain", rows, true)).toHaveLength(rows.length - 1);
  });
});

describe("what has no place", () => {
  const told = (rows: readonly Row[], to: Dialect, allowUnused = false) => {
    const result = convertWeights(fileOf(rows), { to, allowUnused });
    const sentences = result.diagnostics.map(({ severity, code, message, notes }) =>
      [`${severity} ${code}: ${message}`, ...notes.map(note => note.message)].join("; "),
    );
    return { ok: result.ok, sentences, count: result.ok ? result.value.tensors.length : 0 };
  };
  const micro = rowsOf("dense/micro-64x64-b2");

  test("a head in pre-training", () => {
    expect(told(micro, "fcmae")).toEqual({
      ok: false,
      sentences: [
        "error weights-no-place: 'norm.weight', 'norm.bias', 'head.weight', 'head.bias' cannot be named in fcmae; pass --allow-unused to leave them out",
      ],
      count: 0,
    });
    expect(told(micro, "fcmae", true)).toEqual({
      ok: true,
      sentences: [
        "warning weights-left-out: 'norm.weight', 'norm.bias', 'head.weight', 'head.bias' cannot be named in fcmae and are left out",
      ],
      count: micro.length - 4,
    });
  });

  test("names nobody knows, listed and then counted", () => {
    const strange = Array.from({ length: 30 }, (_, k) => ({ name: `optimizer.${k}`, shape: [1] }));
    const { ok, sentences } = told([...micro, ...strange], "official");
    expect(ok).toBe(false);
    expect(sentences[0]).toMatch(/'optimizer.19' and 10 more cannot be named in official/);
    expect(told([...micro, ...strange], "official", true)).toMatchObject({ ok: true, count: micro.length });
  });

  test("a tensor that the others contradict", () => {
    const rows = micro.map(row => (row.name === "stages.1.0.pwconv1.weight" ? { ...row, shape: [64, 15] } : row));
    expect(told(rows, "timm", true).sentences).toEqual([
      "error weights-disagree: tensor 'stages.1.0.pwconv1.weight' has shape [64, 15] but the other tensors make it [64, 16]",
    ]);
    const kernel = rowsOf("fcmae/micro-128-b2").map(row =>
      row.name === "encoder.stages.1.0.dwconv.kernel" ? { ...row, shape: [48, 16] } : row,
    );
    expect(told(kernel, "official").sentences).toHaveLength(1);
  });
});

describe("inspect", () => {
  const found = (file: TensorFile) => {
    const result = inspectWeights(file);
    if (!result.ok) throw new Error("unreachable");
    return result.value;
  };

  test.each<[string, object]>([
    [
      "fcmae/atto-224-b2",
      {
        dialect: "fcmae",
        kind: "FCMAE training state",
        size: "atto",
        classes: null,
        decoder: { depth: 1, dim: 512, patchSize: 32 },
        parameters: 7257992,
      },
    ],
    ["dense/tiny-224x224-b1", { kind: "classifier", size: "tiny", classes: 1000, decoder: null, parameters: 28635496 }],
    ["dense/micro-64x32-b1-c1", { kind: "classifier", size: null, channels: 1, classes: 7 }],
    ["options/micro-kernels-3-5-7-9-64x96-b1", { kernels: [3, 5, 7, 9] }],
    ["options/micro-mlp2-gelu_tanh-64x64-b1", { mlpRatio: 2 }],
    ["options/micro-patch2-32x48-b2", { stemPatch: 2 }],
  ])("%s", (golden, expected) => {
    const file = readGolden(golden);
    const inspection = found(fileOf(goldenParams(file)));
    expect(inspection).toMatchObject({ parameters: file.param_count, unknown: [], misshapen: [], ...expected });
  });

  test("an encoder alone, in both its forms", () => {
    const rows = rowsOf("fcmae/micro-128-b2").filter(({ name }) => name.startsWith("encoder."));
    expect(found(fileOf(rows)).kind).toBe("FCMAE encoder");
    expect(found(fileOf(rowsOf("dense/micro-64x64-b2").filter(({ name }) => /^(down|st)/.test(name)))).kind).toBe(
      "encoder",
    );
  });
});
