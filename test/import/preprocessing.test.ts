import { describe, expect, test } from "vitest";
import { fileNames, huggingfaceFiles } from "../../src/emit/onnx/huggingface.ts";
import { importJson } from "../../src/import/config.ts";
import type { Json } from "../../src/import/draft.ts";
import { modelOf, spec, tiny, told, usual, value } from "./support.ts";

describe("how pictures are prepared", () => {
  const side = (image_size: number | number[], more: Json = {}) => ({
    model_type: "convnextv2",
    layer_norm_eps: 1e-6,
    image_size,
    num_labels: 5,
    ...more,
  });
  const usualPictures = {
    image_processor_type: "ConvNextImageProcessor",
    size: { shortest_edge: 224 },
    crop_pct: 0.875,
    resample: 3,
    image_mean: [0.485, 0.456, 0.406],
    image_std: [0.229, 0.224, 0.225],
  };
  const notesOf = (config: Json, pictures: Json) =>
    value(importJson({ json: config, file: "config.json" }, { json: pictures, file: "p.json" }, usual)).notes;

  test.each(["input 64x64x3", "input 384x384x3", "input 64x96x3", "input 64x64x1", "input 64x64x4", "input 64x64x12"])(
    "%s as compile writes it is nothing new",
    field => {
      const files = huggingfaceFiles(modelOf(spec(`${tiny}\n${field}`)), fileNames.f32, false);
      const [config = {}, pictures = {}] = files.map(({ contents }) => JSON.parse(`${contents}`) as Json);
      expect(notesOf(config, pictures)).toEqual([]);
    },
  );

  test.each<[string, Json, Json, readonly string[]]>([
    ["as published below 384", side(224), {}, []],
    [
      "as published at 384, where crop_pct says nothing",
      side(384),
      { size: { shortest_edge: 384 }, crop_pct: 0.5 },
      [],
    ],
    [
      "of another size, mean and filter",
      side(224),
      { size: { shortest_edge: 256 }, crop_pct: 0.8888888888888888, resample: 2, image_mean: [0.5, 0.5, 0.5] },
      [
        "p.json makes pictures 256x256; the input is 224x224",
        "pictures are prepared by the published way, not as the source says: mean [0.485,0.456,0.406], not [0.5,0.5,0.5]; " +
          'crop_pct 0.875, not 0.8888888888888888; interpolation "bicubic", not "bilinear"',
      ],
    ],
    [
      "with a crop of a larger picture, as others have it",
      side(224),
      {
        image_processor_type: "BitImageProcessor",
        size: { shortest_edge: 256 },
        do_center_crop: true,
        crop_size: { height: 224, width: 224 },
      },
      [],
    ],
    [
      "squashed where the middle is cut out",
      side(224),
      { image_processor_type: "ViTImageProcessor", size: 224 },
      [
        'pictures are prepared by the published way, not as the source says: crop_pct 0.875, not 1; crop_mode "center", not "squash"',
      ],
    ],
    [
      "squashed where all are",
      side([64, 96]),
      { image_processor_type: "ViTImageProcessor", size: { height: 64, width: 96 } },
      [],
    ],
    [
      "with defaults of the class",
      side(384),
      { size: null, resample: null, image_mean: null, image_std: null },
      [
        "pictures are prepared by the published way, not as the source says: mean [0.485,0.456,0.406], not [0.5,0.5,0.5]; " +
          'std [0.229,0.224,0.225], not [0.5,0.5,0.5]; interpolation "bicubic", not "bilinear"',
      ],
    ],
    [
      "of channels that no picture has",
      side(224, { num_channels: 12 }),
      {},
      ["there are no pictures of 12 channels: normalise what you run the model on as the source does"],
    ],
    [
      "of one channel, which is left as it is",
      side(224, { num_channels: 1 }),
      { image_mean: [0.5], image_std: [0.5] },
      ["pictures are prepared by the published way, not as the source says: mean [0], not [0.5]; std [1], not [0.5]"],
    ],
    [
      "without a step",
      side(224),
      { do_resize: false, rescale_factor: 1 },
      ["p.json has do_resize false; cnxc always does that", "rescale_factor is 1 / 255 with cnxc, not 1"],
    ],
  ])("%s", (_, config, change, notes) => {
    expect(notesOf(config, { ...usualPictures, ...change })).toEqual(notes);
  });

  test("of no model is told to be that", () => {
    expect(told(importJson({ json: usualPictures, file: "p.json" }, null, usual))).toEqual([
      expect.stringContaining("import-preprocessor: this is how transformers prepares pictures, no model"),
    ]);
  });
});
