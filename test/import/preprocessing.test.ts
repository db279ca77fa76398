import { describe, expect, test } from "vitest";
import { fileNames, huggingfaceFiles } from "../../src/emit/onnx/huggingface.ts";
import { importJson } from "../../src/import/config.ts";
import type { Json } from "../../src/import/draft.ts";
import { modelOf, spec, specOf, tiny, told, usual, value } from "./support.ts";

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
  /** The fields of `preprocess` in the spec, and what is told beside. */
  const madeOf = (config: Json, pictures: Json): readonly [string | undefined, readonly string[]] => {
    const imported = importJson({ json: config, file: "config.json" }, { json: pictures, file: "p.json" }, usual);
    return [/preprocess {\s*([^}]*?)\s*}/.exec(specOf(imported))?.[1]?.replace(/\s+/g, " "), value(imported).notes];
  };

  test.each(["input 64x64x3", "input 384x384x3", "input 64x96x3", "input 64x64x1", "input 64x64x4", "input 64x64x12"])(
    "%s as compile writes it is nothing new",
    field => {
      const files = huggingfaceFiles(modelOf(spec(`${tiny}\n${field}`)), fileNames.f32, false);
      const [config = {}, pictures = {}] = files.map(({ contents }) => JSON.parse(`${contents}`) as Json);
      expect(madeOf(config, pictures)).toEqual([undefined, []]);
    },
  );

  test.each<[string, Json, Json, string | undefined, readonly string[]]>([
    ["as published below 384", side(224), {}, undefined, []],
    [
      "as published at 384, where crop_pct says nothing",
      side(384),
      { size: { shortest_edge: 384 }, crop_pct: 0.5 },
      undefined,
      [],
    ],
    [
      "of another size, mean and filter",
      side(224),
      { size: { shortest_edge: 256 }, crop_pct: 0.8888888888888888, resample: 2, image_mean: [0.5, 0.5, 0.5] },
      "mean 0.5 crop 0.888 interpolation bilinear",
      ["p.json makes pictures 256x256; the input is 224x224"],
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
      undefined,
      [],
    ],
    [
      "squashed where the middle is cut out",
      side(224),
      { image_processor_type: "ViTImageProcessor", size: 224 },
      "resize squash",
      [],
    ],
    [
      "squashed where all are",
      side([64, 96]),
      { image_processor_type: "ViTImageProcessor", size: { height: 64, width: 96 } },
      undefined,
      [],
    ],
    [
      "by a crop that is not square of a larger picture",
      side([64, 96]),
      {
        image_processor_type: "CLIPImageProcessor",
        size: { shortest_edge: 100 },
        do_center_crop: true,
        crop_size: { height: 64, width: 96 },
        resample: 1,
      },
      "resize 100 interpolation lanczos",
      [],
    ],
    [
      "with defaults of the class",
      side(384),
      { size: null, resample: null, image_mean: null, image_std: null },
      "mean 0.5 std 0.5 interpolation bilinear",
      [],
    ],
    [
      "of channels that no picture has",
      side(224, { num_channels: 12 }),
      {},
      undefined,
      [
        "mean [0.485,0.456,0.406] is not for an input of 12 channels, and is left out",
        "std [0.229,0.224,0.225] is not for an input of 12 channels, and is left out",
      ],
    ],
    [
      "of bands that no picture has, normalised by numbers of their own",
      side(224, { num_channels: 5 }),
      { image_mean: [1, 2, 3, 4, 5], image_std: [2] },
      "mean [1, 2, 3, 4, 5] std 2",
      [],
    ],
    [
      "of one channel, which is left as it is",
      side(224, { num_channels: 1 }),
      { image_mean: [0.5], image_std: [0.5] },
      "mean [0.5] std [0.5]",
      [],
    ],
    [
      "of pixels from 0 to 255, without a step",
      side(224),
      { do_resize: false, do_rescale: false, image_mean: [51, 102, 127.5], image_std: [255, 51, 51] },
      "mean [0.2, 0.4, 0.5] std [1, 0.2, 0.2]",
      ["p.json has do_resize false; cnxc always does that"],
    ],
  ])("%s", (_, config, change, pictures, notes) => {
    expect(madeOf(config, { ...usualPictures, ...change })).toEqual([pictures, notes]);
  });

  test("of no model is told to be that", () => {
    expect(told(importJson({ json: usualPictures, file: "p.json" }, null, usual))).toEqual([
      expect.stringContaining("import-preprocessor: this is how transformers prepares pictures, no model"),
    ]);
  });
});
