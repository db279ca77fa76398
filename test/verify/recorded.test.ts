import { describe, expect, test } from "vitest";
import { readRecorded } from "../../src/verify/recorded.ts";
import { officialModules } from "../../src/weights/names/modules.ts";
import { fcmaeModel } from "../support/fcmae.ts";
import { readGolden } from "../support/golden.ts";
import { model } from "../support/models.ts";
import { fileOf, type Row } from "../support/tensor-file.ts";

const tiny = model({ name: "tiny" }); // depths [1, 1], dims [8, 16], 32x32x3, 10 classes

const read = (rows: readonly Row[], of = tiny, batch = 2) => readRecorded(fileOf(rows), of, batch);
const said = async (rows: readonly Row[]) =>
  (await read(rows)).diagnostics.map(({ code, message, notes }) => [code, message, ...notes.map(n => n.message)]);

describe("values that were recorded", () => {
  test("are taken under the graph's names, in the order of the network", async () => {
    const found = await read([
      { name: "head", shape: [2, 10] },
      { name: "norm", shape: [2, 16] },
      { name: "stages.1.blocks.0", shape: [2, 16, 4, 4] },
      { name: "stem", shape: [2, 8, 8, 8] },
      { name: "stages.0.0.dwconv", shape: [2, 8, 8, 8] },
      { name: "stages.0.0.grn", shape: [2, 8, 8, 32], dtype: "F64" },
    ]);
    expect(found.diagnostics).toEqual([]);
    if (!found.ok) return;
    const modules = ["downsample_layers.0", "stages.0.0.dwconv", "stages.0.0.grn", "stages.1.0", "norm"];
    expect([[...found.value.values.keys()], found.value.modules]).toEqual([[...modules, "logits"], modules]);
    expect(found.value.values.get("stages.0.0.grn")?.data).toBeInstanceOf(Float64Array);
  });

  test.each([
    ["stages.0.blocks.1.mlp.fc1", "stages.0.1.pwconv1"],
    ["stages.0.blocks.1.mlp.grn", "stages.0.1.grn"],
    ["stages.0.blocks.1.conv_dw", "stages.0.1.dwconv"],
    ["stages.0.blocks.1", "stages.0.1"],
    ["stages.1.downsample", "downsample_layers.1"],
    ["head.norm", "norm"],
    ["head.fc", "head"],
    ["convnextv2.encoder.stages.2.layers.3.dwconv", "stages.2.3.dwconv"],
    ["convnextv2.encoder.stages.2.layers.3.grn", "stages.2.3.grn"],
    ["convnextv2.encoder.stages.2.downsampling_layer", "downsample_layers.2"],
    ["convnextv2.layernorm", "norm"],
    ["classifier", "head"],
  ])("the module %s is %s", (path, official) => {
    expect(officialModules(path)).toContain(official);
  });

  test("of a masked autoencoder may have its prefix, and a loss no dimension", async () => {
    const of = fcmaeModel(readGolden("fcmae/micro-128-b2"), "per_sample", "norm_pix_loss");
    const found = await read(
      [
        { name: "loss", shape: [] },
        { name: "encoder.stages.0", shape: [2, 8, 32, 32] },
      ],
      of,
    );
    expect(found.diagnostics).toEqual([]);
    expect(found.ok && [...found.value.values.keys()]).toEqual(["stages.0", "loss"]);
  });

  test.each([
    [
      { name: "logit", shape: [2, 10] },
      ["recorded-unknown", "'logit' is no output and no module of 'tiny', did you mean 'logits'?"],
    ],
    [
      { name: "pixel_values", shape: [2, 3, 32, 32] },
      [
        "recorded-unknown",
        "'pixel_values' is no output and no module of 'tiny'",
        "what a model takes is read from --input",
      ],
    ],
    [
      { name: "logits", shape: [3, 10] },
      ["recorded-misfit", "'logits' is F32 [3, 10], expected F32 or F64 [2, 10]", "--input has 2 images"],
    ],
    [{ name: "logits", shape: [2, 9] }, ["recorded-misfit", "'logits' is F32 [2, 9], expected F32 or F64 [2, 10]"]],
    [
      { name: "logits", shape: [2, 10], dtype: "F16" as const },
      [
        "recorded-misfit",
        "'logits' is F16 [2, 10], expected F32 or F64 [2, 10]",
        "16 bits round more than the limit allows: record it in float32",
      ],
    ],
    [
      { name: "logits", shape: [2, 10], dtype: "I64" as const },
      [
        "recorded-misfit",
        "'logits' is I64 [2, 10], expected F32 or F64 [2, 10]",
        "record what the module gives, in float32",
      ],
    ],
    [
      { name: "stages.1.0", shape: [2, 4, 4, 16] },
      [
        "recorded-misfit",
        "'stages.1.0' is F32 [2, 4, 4, 16], expected F32 or F64 [2, 16, 4, 4], channels first",
        "permute(0, 3, 1, 2) makes it so",
      ],
    ],
    [
      { name: "stages.1.0.pwconv1", shape: [2, 64, 4, 4] },
      [
        "recorded-misfit",
        "'stages.1.0.pwconv1' is F32 [2, 64, 4, 4], expected F32 or F64 [2, 4, 4, 64], channels last, as inside a block",
        "permute(0, 2, 3, 1) makes it so",
      ],
    ],
  ])("%j is refused", async (row, expected) => {
    expect(await said([row])).toEqual([expected]);
  });

  test("under two names, or none at all, are refused", async () => {
    const twice = [
      { name: "logits", shape: [2, 10] },
      { name: "head", shape: [2, 10] },
    ];
    expect(await said(twice)).toEqual([["recorded-twice", "'logits' and 'head' are both the model's 'logits'"]]);
    expect(await said([])).toEqual([["recorded-none", "the file holds no values to compare with"]]);
  });
});
