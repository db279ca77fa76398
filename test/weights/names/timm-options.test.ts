import { describe, expect, test } from "vitest";
import { importCheckpoint } from "../../../src/import/checkpoint.ts";
import { convertWeights } from "../../../src/weights/use/convert.ts";
import { inspectWeights } from "../../../src/weights/use/inspect.ts";
import { goldenParams, readGolden } from "../../support/golden.ts";
import { goldenModel } from "../../support/models.ts";
import { fileOf, type Row } from "../../support/tensor-file.ts";

const rowsIn = (
  to: "official" | "timm" | "timm_features",
  rows: readonly Row[],
  allowUnused = false,
): readonly Row[] => {
  const converted = convertWeights(fileOf(rows), { to, allowUnused });
  if (!converted.ok) throw new Error(converted.diagnostics.map(({ message }) => message).join("\n"));
  return converted.value.tensors.map(({ name, shape }) => ({ name, shape }));
};
const sorted = (rows: readonly Row[]) => rows.map(({ name, shape }) => `${name} ${shape}`).sort();

/**
 * What stands outside of stages in files of timm: models/convnext.py (`stem`, `norm_pre`) and layers/classifier.py
 * (`head.norm`, `head.pre_logits.fc`, `head.fc`).
 */
const outside: readonly (readonly [golden: string, names: readonly string[]])[] = [
  [
    "micro-silu-bare-64x64-b2",
    [
      "stem.0.weight",
      "stem.1.weight",
      "stem.1.bias",
      "head.norm.weight",
      "head.norm.bias",
      "head.fc.weight",
      "head.fc.bias",
    ],
  ],
  [
    "micro-hidden-64x64-b2",
    [
      ...["stem.0.weight", "stem.0.bias", "stem.1.weight", "stem.1.bias", "head.norm.weight", "head.norm.bias"],
      ...["head.pre_logits.fc.weight", "head.pre_logits.fc.bias", "head.fc.weight", "head.fc.bias"],
    ],
  ],
  [
    "micro-norm-first-64x64-b2",
    [
      ...["stem.0.weight", "stem.0.bias", "stem.1.weight", "stem.1.bias", "norm_pre.weight", "norm_pre.bias"],
      ...["head.fc.weight", "head.fc.bias"],
    ],
  ],
  [
    "micro-overlap-tiered-64x64-b2",
    [
      ...["stem.0.weight", "stem.0.bias", "stem.1.weight", "stem.1.bias", "stem.2.weight", "stem.2.bias"],
      ...["head.norm.weight", "head.norm.bias", "head.fc.weight", "head.fc.bias"],
    ],
  ],
  [
    "micro-overlap-act-bare-64x64-b2",
    [
      ...["stem.0.weight", "stem.2.weight", "stem.3.weight", "stem.3.bias"],
      ...["head.norm.weight", "head.norm.bias", "head.fc.weight", "head.fc.bias"],
    ],
  ],
  [
    "micro-simplenorm-64x64-b2",
    ["stem.0.weight", "stem.0.bias", "stem.1.weight", "head.norm.weight", "head.fc.weight", "head.fc.bias"],
  ],
  [
    "micro-zepto-64x64-b2",
    [
      ...["stem.0.weight", "stem.0.bias", "stem.2.weight", "stem.2.bias", "stem.3.weight", "norm_pre.weight"],
      ...["head.fc.weight", "head.fc.bias"],
    ],
  ],
];

describe("networks that timm alone has", () => {
  test.each(outside)("%s under timm's names and back", (name, names) => {
    const golden = readGolden(`options/${name}`);
    const rows = goldenParams(golden);
    const theirs = rowsIn("timm", rows);
    expect(
      theirs
        .map(row => row.name)
        .filter(found => !found.startsWith("stages."))
        .sort(),
    ).toEqual([...names].sort());
    expect(sorted(rowsIn("official", theirs))).toEqual(sorted(rows));
    const inspected = inspectWeights(fileOf(theirs));
    expect(inspected.ok && inspected.value).toMatchObject({
      dialect: "timm",
      kind: "classifier",
      parameters: golden.param_count,
      unknown: [],
      misshapen: [],
    });
  });

  test.each(outside)("%s is imported from such a file", name => {
    const golden = readGolden(`options/${name}`);
    const imported = importCheckpoint(fileOf(rowsIn("timm", goldenParams(golden))), { name: null, features: false });
    if (!imported.ok) throw new Error(imported.diagnostics[0]?.message);
    const { head, stem, convBias, normLayer } = goldenModel(golden);
    const { draft, notes } = imported.value;
    expect(draft.head).toEqual(head);
    expect(draft.stem).toEqual(stem);
    expect([draft.convBias, draft.normLayer]).toEqual([convBias, normLayer]);
    expect(notes.some(note => note.includes("rmsnorm or simplenorm"))).toBe(normLayer !== undefined);
  });

  test("the maps of a stem of convolutions, as features_only names them", () => {
    const rows = goldenParams(readGolden("options/micro-overlap-64x96-b1"));
    const theirs = rowsIn("timm_features", rows, true);
    expect(theirs.map(({ name }) => name).filter(name => name.startsWith("stem"))).toEqual(
      [0, 1, 2].flatMap(place => [`stem_${place}.weight`, `stem_${place}.bias`]),
    );
    expect(sorted(rowsIn("official", theirs))).toEqual(sorted(rows.filter(({ name }) => !/^(norm|head)\./.test(name))));
  });

  test("with the norm first, linear layers are 1×1 convolutions, as those of the smallest are", () => {
    const shapes = new Map(
      rowsIn("timm", goldenParams(readGolden("options/micro-norm-first-64x64-b2"))).map(({ name, shape }) => [
        name,
        shape,
      ]),
    );
    expect(shapes.get("stages.0.blocks.0.mlp.fc1.weight")).toEqual([32, 8, 1, 1]);
  });

  test("other namings have no place for their heads and stems", () => {
    for (const name of ["micro-hidden-64x64-b2", "micro-overlap-tiered-64x64-b2"]) {
      const converted = convertWeights(fileOf(goldenParams(readGolden(`options/${name}`))), {
        to: "huggingface",
        allowUnused: false,
      });
      expect(converted.diagnostics.map(({ code }) => code)).toEqual(["weights-no-place"]);
    }
  });

  test("a head for other classes leaves the hidden layer before it", () => {
    const rows = goldenParams(readGolden("options/micro-hidden-64x64-b2"));
    const converted = convertWeights(fileOf(rows), {
      to: null,
      allowUnused: false,
      adaptation: { channels: 1, classes: 3 },
    });
    if (!converted.ok) throw new Error(converted.diagnostics[0]?.message);
    const shapes = new Map(converted.value.tensors.map(({ name, shape }) => [name, shape]));
    expect(shapes.get("head.weight")).toEqual([3, 48]);
    expect(shapes.get("pre_logits.fc.weight")).toEqual([48, 40]);
    expect(shapes.get("norm.weight")).toEqual([40]);
    expect(shapes.get("downsample_layers.0.0.weight")).toEqual([8, 1, 4, 4]);
  });
});
