import { describe, expect, test } from "vitest";
import type { Result } from "../../../src/diagnostics/diagnostic.ts";
import { paramsOf } from "../../../src/node/inputs/open-weights.ts";
import { translate } from "../../../src/weights/names/names.ts";
import type { Param, Weights } from "../../../src/weights/tensor.ts";
import { bindWeights } from "../../../src/weights/use/bind.ts";
import { denseWeights, type FcmaeGolden, fcmaeModel, goldenFiles } from "../../support/fcmae.ts";
import { goldenParams, goldenWeights, readGolden } from "../../support/golden.ts";
import { fileOf, type Row } from "../../support/tensor-file.ts";

const golden = (name: string) => readGolden<FcmaeGolden>(`fcmae/${name}`);
const micro = golden("micro-128-b2");
const params = paramsOfGolden(micro);
const state = goldenParams(micro);
const classifier = goldenParams(readGolden("dense/micro-64x64-b2"));

/** What the model that a file was recorded from asks for. */
function paramsOfGolden(of: FcmaeGolden): readonly Param[] {
  const found = paramsOf(fcmaeModel(of, "per_sample", "norm_pix_loss"));
  if (!found.ok) throw new Error("unreachable");
  return found.value;
}

const trunk = (of: readonly Param[]): readonly Param[] => of.filter(({ name }) => /^(downsample|stages)/.test(name));
const told = ({ diagnostics }: Result<Weights>): readonly string[] =>
  diagnostics.map(({ code, message, notes }) => [`${code}: ${message}`, ...notes.map(note => note.message)].join("; "));
const bind = async (rows: readonly Row[], needed: readonly Param[]) => told(await bindWeights(fileOf(rows), needed));

describe("a state of pre-training", () => {
  test.each(goldenFiles)("%s: every parameter has the values of the formulas", async name => {
    const file = golden(name);
    const weights = goldenWeights(file);
    const rows = await Promise.all(
      goldenParams(file).map(async row => ({ ...row, values: await weights.f32(row.name) })),
    );
    const bound = await bindWeights(fileOf(rows), paramsOfGolden(file));
    expect(told(bound)).toEqual([]);
    if (!bound.ok) throw new Error("unreachable");
    const dense = denseWeights(file);
    for (const param of paramsOfGolden(file)) {
      const [found, expected] = [await bound.value.f32(param.name), await dense.f32(param.name)];
      expect(Buffer.from(found.buffer).equals(Buffer.from(expected.buffer)), param.name).toBe(true);
    }
  });

  test("W05: for a classifier, everything fits but the head that is not there", async () => {
    expect(await bind(state, classifier)).toEqual([
      "weights-no-part: the file has no head: 'norm', 'head' are missing; an encoder as pre-training leaves it has none: fine-tune it, or use it with `head features { norm false }`; cnxc weights convert --classes 10 makes a start for that, with a head of zeros",
    ]);
  });

  test("for a backbone, its decoder is left over", async () => {
    const bound = await bind(state, trunk(classifier));
    expect(bound).toHaveLength(1);
    expect(bound[0]).toMatch(/^weights-unused: the model has no use for 'mask_token', 'proj.weight'/);
  });

  test("a shape that is wrong is told in the file's own layout", async () => {
    const rows = state.map(row =>
      row.name === "encoder.stages.1.0.dwconv.kernel" ? { ...row, shape: [25, 16] } : row,
    );
    expect(await bind(rows, params)).toEqual([
      "weights-shape: tensor 'encoder.stages.1.0.dwconv.kernel' has shape [25, 16] but the model needs [49, 16]",
    ]);
  });

  test("a kernel whose axes are swapped is no kernel", async () => {
    const rows = state.map(row =>
      row.name === "encoder.downsample_layers.1.1.kernel" ? { ...row, shape: [4, 16, 8] } : row,
    );
    expect(await bind(rows, params)).toEqual([
      "weights-shape: tensor 'encoder.downsample_layers.1.1.kernel' has shape [4, 16, 8] but the model needs [4, 8, 16]",
    ]);
  });

  test("a decoder of another depth or width", async () => {
    const deep = goldenParams(readGolden("fcmae/micro-192-b1-depth2"));
    expect(await bind(deep, params)).toEqual([
      "weights-decoder: the file's decoder has depth 2, dim 48, but the model's has depth 1, dim 512; the spec says it with `decoder { depth 2, dim 48 }`",
    ]);
  });

  test("the encoder alone, without its prefix", async () => {
    const rows = state
      .filter(({ name }) => name.startsWith("encoder."))
      .map(row => ({ ...row, name: row.name.replace("encoder.", "") }));
    expect(await bind(rows, trunk(params))).toEqual([]);
  });
});

describe("files without a decoder", () => {
  const none =
    "weights-no-part: the file has no decoder: 'proj', 'mask_token', 'decoder', 'pred' are missing; files of classifiers have no decoder, nor have the published FCMAE encoders: take a state of pre-training";

  test("of a classifier, in any dialect", async () => {
    expect(await bind(classifier, params)).toEqual([none]);
    const timm = classifier.map(row => ({ ...row, name: translate(row.name, "official", "timm")?.name ?? "" }));
    expect(await bind(timm, params)).toEqual([none]);
  });

  test("of an encoder that pre-training left", async () => {
    expect(await bind(trunk(params), params)).toEqual([none]);
  });
});
