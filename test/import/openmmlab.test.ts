import { describe, expect, test } from "vitest";
import { importJson } from "../../src/import/config.ts";
import type { Draft, ImportOptions, Json } from "../../src/import/draft.ts";
import { classifierOf } from "../../src/model/model.ts";
import { specOf, told, usual, value } from "./support.ts";

describe("a config of OpenMMLab as JSON", () => {
  const read = (json: Json, options: ImportOptions = usual) => importJson({ json, file: "c.json" }, null, options);
  const segmenter = {
    type: "EncoderDecoder",
    backbone: {
      type: "ConvNeXt",
      in_chans: 3,
      depths: [3, 3, 27, 3],
      dims: [96, 192, 384, 768],
      drop_path_rate: 0.3,
      layer_scale_init_value: 1,
      out_indices: [0, 1, 2, 3],
    },
    decode_head: { type: "UPerHead", num_classes: 150 },
  };
  const classifier = {
    type: "ImageClassifier",
    backbone: { type: "ConvNeXt", arch: "atto", use_grn: true, layer_scale_init_value: 0, norm_cfg: { eps: 1e-5 } },
    head: { type: "LinearClsHead", num_classes: 7, in_channels: 320 },
  };

  test.each<[string, Json, Partial<Draft>]>([
    [
      "an official segmenter",
      { model: segmenter },
      { name: "small", grn: "none", layerScale: 1, head: { kind: "features", levels: [1, 2, 3, 4], norm: true } },
    ],
    [
      "a classifier",
      { model: classifier },
      {
        name: "atto",
        grn: "per_sample",
        layerScale: null,
        normEps: 1e-5,
        head: classifierOf(7),
      },
    ],
    ["the model alone", classifier, { name: "atto", head: classifierOf(7) }],
    [
      "a size of its own",
      {
        backbone: { type: "mmpretrain.ConvNeXt", arch: { depths: [1, 2, 1], channels: [8, 16, 24] }, out_indices: -1 },
      },
      { name: "model", head: { kind: "features", levels: [3], norm: true } },
    ],
  ])("%s", (_, config, expected) => {
    const result = read(config);
    expect(value(result).draft).toMatchObject(expected);
    expect(value(result).notes).toEqual([expect.stringMatching(/^of c\.json only the backbone .* the usual ones$/)]);
    specOf(result);
  });

  test("whose head has no number of classes", () => {
    const head = { num_classes: "seven" };
    expect(told(read({ model: { ...classifier, head } }))).toEqual([
      `import-field: 'model.head.num_classes' is "seven", but must be a number from 0`,
    ]);
    expect(told(read({ ...classifier, head }))).toEqual([
      `import-field: 'head.num_classes' is "seven", but must be a number from 0`,
    ]);
  });

  test("with the maps of all stages", () => {
    expect(value(read({ model: classifier }, { name: "maps", features: true })).draft).toMatchObject({
      name: "maps",
      head: { kind: "features", levels: [1, 2, 3, 4], norm: false },
    });
  });
});
