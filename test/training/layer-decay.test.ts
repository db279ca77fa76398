import { expect, test } from "vitest";
import { layerScale } from "../../src/training/layer-decay.ts";

/** How many times a parameter's learning rate is halved. */
const below = (type: "single" | "group", name: string, depths: readonly number[]): number =>
  0 - Math.log2(layerScale(0.5, type, name, depths));

test("a block is a layer, downsampling is with the first of its stage, and the rest comes last", () => {
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
  for (const [name, layer] of Object.entries(layers))
    expect(below("single", name, [2, 2, 6, 2]), name).toBe(13 - layer);
});

test("three blocks are a group, and downsampling is in the group that the official code says", () => {
  const groups: Readonly<Record<string, number>> = {
    "downsample_layers.0.0.weight": 0,
    "stages.0.2.dwconv.weight": 1,
    "downsample_layers.1.1.weight": 2,
    "stages.1.0.dwconv.weight": 2,
    "downsample_layers.2.1.weight": 3,
    "stages.2.2.dwconv.weight": 3,
    "stages.2.3.dwconv.weight": 4,
    "stages.2.26.dwconv.weight": 11,
    "downsample_layers.3.1.weight": 12,
    "stages.3.2.dwconv.weight": 12,
    "head.bias": 13,
  };
  for (const [name, group] of Object.entries(groups))
    expect(below("group", name, [3, 3, 27, 3]), name).toBe(13 - group);
});
