import { expect, test } from "vitest";
import { dilationsOf, stageSites } from "../../src/model/model.ts";
import { model } from "../support/models.ts";

const of = (outputStride: number, patch = 4) =>
  model({
    depths: [1, 1, 1, 1],
    dims: [8, 8, 8, 8],
    input: { height: 299, width: 64, channels: 3 },
    stem: { patch },
    head: { kind: "features", levels: [4], norm: false, outputStride },
  });

// What timm's constructor works out: (first_dilation, dilation) of the stages that lose their stride.
test.each([
  [16, [null, null, null, { entry: 1, blocks: 2 }]],
  [8, [null, null, { entry: 1, blocks: 2 }, { entry: 2, blocks: 4 }]],
  [4, [null, { entry: 1, blocks: 2 }, { entry: 2, blocks: 4 }, { entry: 2, blocks: 8 }]],
])("the taps of stages at an output stride of %i", (stride, wanted) => {
  expect(dilationsOf(of(stride))).toEqual(wanted);
});

test("maps keep their size from the output stride on", () => {
  expect([0, 1, 2, 3].map(stage => stageSites(of(8), stage))).toEqual([
    { height: 74, width: 16 },
    { height: 37, width: 8 },
    { height: 37, width: 8 },
    { height: 37, width: 8 },
  ]);
});
