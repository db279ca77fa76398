import { expect, test } from "vitest";
import { layerOf, layerScale } from "../../src/training/layer-decay.ts";

test("a block is a layer, downsampling is with the first of its stage, and the rest comes last", () => {
  const depths = [2, 2, 6, 2];
  const layers: Readonly<Record<string, number>> = {
    "downsample_layers.0.0.weight": 1,
    "downsample_layers.0.1.bias": 1,
    "stages.0.0.dwconv.weight": 1,
    "stages.0.1.grn.gamma": 2,
    "downsample_layers.1.1.weight": 3,
    "stages.1.0.pwconv1.weight": 3,
    "stages.2.5.pwconv2.bias": 10,
    "downsample_layers.3.0.weight": 11,
    "stages.3.1.norm.weight": 12,
    "norm.weight": 13,
    "head.weight": 13,
    mask_token: 13,
    "decoder.0.dwconv.weight": 13,
  };
  for (const [name, layer] of Object.entries(layers)) expect(layerOf(name, depths), name).toBe(layer);
  expect(layerScale(0.8, "head.bias", depths)).toBe(1);
  expect(layerScale(0.8, "stages.3.1.norm.bias", depths)).toBe(0.8);
  expect(layerScale(0.5, "downsample_layers.0.0.bias", depths)).toBe(0.5 ** 12);
});
