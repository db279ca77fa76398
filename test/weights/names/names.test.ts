import { describe, expect, test } from "vitest";
import { sameButOnes } from "../../../src/weights/names/layouts.ts";
import { contextOf, type Dialect, translate } from "../../../src/weights/names/names.ts";
import { recognise } from "../../../src/weights/names/recognise.ts";
import { goldenParams, readGolden } from "../../support/golden.ts";

const detectDialect = (names: readonly string[]) => recognise(names)?.dialect ?? null;

const v2 = goldenParams(readGolden("dense/tiny-224x224-b1")).map(({ name }) => name);
const v1 = goldenParams(readGolden("options/micro-v1-64x64-b2")).map(({ name }) => name);
const levels = ["norm0.weight", "norm3.bias"];
const others: readonly Dialect[] = ["timm", "huggingface", "mmpretrain"];
const context = new Map([["final", "3"]]);

describe.each(others)("official ⇄ %s", dialect => {
  test.each([...v2, ...v1, ...(dialect === "timm" ? [] : levels)])("%s", name => {
    // A feature head's last LayerNorm and a classifier's have one name in MMPretrain: the file tells which it is.
    const said = levels.includes(name) ? new Map() : context;
    const theirs = translate(name, "official", dialect, said);
    expect(theirs).not.toBeNull();
    expect(translate(theirs?.name ?? "", dialect, "official", said)?.name).toBe(name);
  });

  test("no two tensors get one name, and the dialect is told by the names", () => {
    const theirs = v2.map(name => translate(name, "official", dialect, context)?.name ?? "");
    expect(new Set(theirs).size).toBe(v2.length);
    expect(detectDialect(theirs)).toBe(dialect);
    expect(theirs.some(name => translate(name, "official", "official") !== null)).toBe(false);
    expect(contextOf(theirs, dialect).get("final")).toBe(dialect === "mmpretrain" ? "3" : undefined);
  });
});

const state = goldenParams(readGolden("fcmae/micro-192-b1-depth2")).map(({ name }) => name);

describe("official ⇄ fcmae", () => {
  test.each(state)("%s", name => {
    const official = translate(name, "fcmae", "official");
    expect(official).not.toBeNull();
    expect(translate(official?.name ?? "", "official", "fcmae")?.name).toBe(name);
  });

  test("either is told from the other", () => {
    expect(detectDialect(state)).toBe("fcmae");
    expect(detectDialect(state.map(name => name.replace("encoder.", "")))).toBe("fcmae");
    expect(detectDialect(state.map(name => translate(name, "fcmae", "official")?.name ?? ""))).toBe("official");
  });

  test.each(v2.filter(name => /^(norm|head)\./.test(name)))("%s has no place in pre-training", name => {
    expect(translate(name, "official", "fcmae")).toBeNull();
  });
});

describe("names as they stand in published files", () => {
  test.each<[Dialect, string, string]>([
    ["timm", "stem.0.weight", "downsample_layers.0.0.weight"],
    ["timm", "stem.1.bias", "downsample_layers.0.1.bias"],
    ["timm", "stages.1.downsample.0.weight", "downsample_layers.1.0.weight"],
    ["timm", "stages.3.downsample.1.bias", "downsample_layers.3.1.bias"],
    ["timm", "stages.2.blocks.26.conv_dw.weight", "stages.2.26.dwconv.weight"],
    ["timm", "stages.0.blocks.0.mlp.grn.weight", "stages.0.0.grn.gamma"],
    ["timm", "stages.0.blocks.0.mlp.grn.bias", "stages.0.0.grn.beta"],
    ["timm", "stages.0.blocks.0.gamma", "stages.0.0.gamma"],
    ["timm", "head.norm.weight", "norm.weight"],
    ["timm", "head.fc.weight", "head.weight"],
    ["timm_features", "stem_0.weight", "downsample_layers.0.0.weight"],
    ["timm_features", "stages_1.downsample.1.bias", "downsample_layers.1.1.bias"],
    ["timm_features", "stages_2.blocks.8.mlp.grn.bias", "stages.2.8.grn.beta"],
    ["torchvision", "features.0.0.weight", "downsample_layers.0.0.weight"],
    ["torchvision", "features.2.0.bias", "downsample_layers.1.0.bias"],
    ["torchvision", "features.6.1.weight", "downsample_layers.3.1.weight"],
    ["torchvision", "features.1.0.layer_scale", "stages.0.0.gamma"],
    ["torchvision", "features.7.2.block.5.weight", "stages.3.2.pwconv2.weight"],
    ["torchvision", "features.11.0.block.2.bias", "stages.5.0.norm.bias"],
    ["torchvision", "classifier.0.weight", "norm.weight"],
    ["torchvision", "classifier.2.bias", "head.bias"],
    ["dinov3", "stages.0.downsample_layers.0.weight", "downsample_layers.0.0.weight"],
    ["dinov3", "stages.2.downsample_layers.1.bias", "downsample_layers.2.1.bias"],
    ["dinov3", "stages.3.layers.2.pointwise_conv1.weight", "stages.3.2.pwconv1.weight"],
    ["dinov3", "layer_norm.bias", "norm.bias"],
    ["official", "head.1.weight", "head.weight"],
    ["huggingface", "classifier.1.bias", "head.bias"],
    ["huggingface", "convnextv2.embeddings.patch_embeddings.weight", "downsample_layers.0.0.weight"],
    ["huggingface", "convnextv2.embeddings.layernorm.bias", "downsample_layers.0.1.bias"],
    ["huggingface", "convnextv2.encoder.stages.1.downsampling_layer.1.weight", "downsample_layers.1.1.weight"],
    ["huggingface", "convnextv2.encoder.stages.0.layers.1.layernorm.weight", "stages.0.1.norm.weight"],
    ["huggingface", "convnextv2.encoder.stages.0.layers.1.grn.bias", "stages.0.1.grn.beta"],
    ["huggingface", "convnext.encoder.stages.0.layers.1.layer_scale_parameter", "stages.0.1.gamma"],
    ["huggingface", "convnextv2.layernorm.weight", "norm.weight"],
    ["huggingface", "encoder.stages.0.layers.1.pwconv2.bias", "stages.0.1.pwconv2.bias"],
    ["huggingface", "hidden_states_norms.stage1.weight", "norm0.weight"],
    ["huggingface", "classifier.weight", "head.weight"],
    ["mmpretrain", "backbone.downsample_layers.0.0.weight", "downsample_layers.0.0.weight"],
    ["mmpretrain", "backbone.stages.2.26.depthwise_conv.bias", "stages.2.26.dwconv.bias"],
    ["mmpretrain", "backbone.stages.0.1.pointwise_conv2.weight", "stages.0.1.pwconv2.weight"],
    ["mmpretrain", "backbone.stages.0.1.grn.gamma", "stages.0.1.grn.gamma"],
    ["mmpretrain", "backbone.norm2.weight", "norm2.weight"],
    ["mmpretrain", "head.fc.bias", "head.bias"],
    ["fcmae", "encoder.downsample_layers.0.0.weight", "downsample_layers.0.0.weight"],
    ["fcmae", "encoder.downsample_layers.3.0.ln.bias", "downsample_layers.3.0.bias"],
    ["fcmae", "encoder.downsample_layers.1.1.kernel", "downsample_layers.1.1.weight"],
    ["fcmae", "encoder.stages.0.1.dwconv.kernel", "stages.0.1.dwconv.weight"],
    ["fcmae", "encoder.stages.0.1.dwconv.bias", "stages.0.1.dwconv.bias"],
    ["fcmae", "encoder.stages.0.1.pwconv2.linear.weight", "stages.0.1.pwconv2.weight"],
    ["fcmae", "decoder.0.grn.gamma", "decoder.0.grn.gamma"],
    ["fcmae", "mask_token", "mask_token"],
  ])("%s %s", (dialect, theirs, official) => {
    expect(translate(theirs, dialect, "official")?.name).toBe(official);
  });

  test.each([
    "",
    "stages",
    "stages.01.0.gamma",
    "stages.0.0.gamma ",
    "xstages.0.0.gamma",
    "__proto__",
    "stages.{i}.{j}.gamma",
    "features.2.0.layer_scale",
    "features.3.0.block.1.weight",
    "features.1.0.weight",
    "head.01.weight",
    "head.1.2.weight",
  ])("%j is no tensor's name", name => {
    expect(detectDialect([name])).toBeNull();
  });
});

describe("MMPretrain's LayerNorm of the last stage", () => {
  test("is counted by the stages there are", () => {
    const named = (names: readonly string[]) =>
      translate("norm.weight", "official", "mmpretrain", contextOf(names, "official"))?.name;
    expect(named(["stages.0.0.norm.bias", "stages.1.0.norm.bias"])).toBe("backbone.norm1.weight");
    expect(named(Array.from({ length: 8 }, (_, i) => `stages.${i}.0.norm.bias`))).toBe("backbone.norm7.weight");
    expect(named(["norm.weight"])).toBeUndefined();
  });

  const stages = ["backbone.stages.0.0.norm.bias", "backbone.stages.1.0.norm.bias"];
  test.each<[string, readonly string[], string | null]>([
    ["beside a classifier is its own", ["backbone.norm1.weight", "head.fc.weight"], "norm.weight"],
    ["alone is the final one", ["backbone.norm1.weight"], "norm.weight"],
    ["among others is a feature head's", ["backbone.norm0.weight", "backbone.norm1.weight"], "norm1.weight"],
  ])("%s", (_, more, expected) => {
    const said = contextOf([...stages, ...more], "mmpretrain");
    expect(translate("backbone.norm1.weight", "mmpretrain", "official", said)?.name).toBe(expected);
  });
});

test("dimensions of 1 hold no order", () => {
  expect(sameButOnes([1, 1, 1, 8], [8])).toBe(true);
  expect(sameButOnes([8, 2, 1, 1], [8, 2])).toBe(true);
  expect(sameButOnes([2, 8], [8, 2])).toBe(false);
  expect(sameButOnes([0], [1])).toBe(false);
  expect(sameButOnes([12], [1, 2])).toBe(false);
});
