import { describe, expect, test } from "vitest";
import { read } from "../../src/graph/read.ts";
import { siteLayouts, stageCosts } from "../../src/passes/site-layout.ts";

/** A stage of 8 by 8 sites and one of 4 by 4, cut into 4 patches; what comes after the masks is no encoder's. */
const encoder = (keep: number) =>
  read(`graph encoder {
  %x = input() : f32[N, 8, 8, 6]
  %mask = input() : f32[N, 4]
  %d.weight = param() : f32[6, 1, 5, 5]
  %d.bias = param() : f32[6]
  %d = depthwise(%x, %d.weight, %d.bias) {kernel: 5} : f32[N, 8, 8, 6]
  %l.weight = param() : f32[10, 6]
  %l.bias = param() : f32[10]
  %l = linear(%d, %l.weight, %l.bias) : f32[N, 8, 8, 10]
  %l.squares = sumSquares(%l) {over: sample} : f32[N, 10]
  %l.scale = scaleChannels(%l, %l.squares) : f32[N, 8, 8, 10]
  %m = maskSites(%l.scale, %mask) {rows: 2, columns: 2, keep: ${keep}} : f32[N, 8, 8, 10]
  %c.weight = param() : f32[12, 10, 2, 2]
  %c.bias = param() : f32[12]
  %c = patchConv(%m, %c.weight, %c.bias) {size: 2} : f32[N, 4, 4, 12]
  %n = maskSites(%c, %mask) {rows: 2, columns: 2, keep: ${keep}} : f32[N, 4, 4, 12]
  %a = gelu(%n) {form: erf} : f32[N, 4, 4, 12]
  return a: %a
}`);

// Per site: elements written at 8 each, and the multiply-adds of what multiplies.
const large = { same: 8 * (6 + 10 + 10 + 10) + 6 * 10, taps: 6 * 25 };
const small = { same: 8 * (12 + 12) + 12 * 10 * 4, taps: 0 };

describe("the cost of a stage", () => {
  test.each([1, 2, 3])("is that of its sites, or of those in the %i kept patches of 4", keep => {
    expect(stageCosts(encoder(keep))).toEqual([
      {
        stage: 8,
        sites: 64,
        kept: 16 * keep,
        compact: 16 * keep * (large.same + 1.25 * large.taps),
        masked: 64 * (large.same + large.taps),
      },
      { stage: 4, sites: 16, kept: 4 * keep, compact: 4 * keep * small.same, masked: 16 * small.same },
    ]);
  });
});

/** A stage of a depthwise convolution alone, whose taps are most of its cost, of which each sample keeps 9 of 10 patches. */
const alone = (kernel: number) =>
  read(`graph encoder {
  %x = input() : f32[N, 20, 2, 1]
  %mask = input() : f32[N, 10]
  %d.weight = param() : f32[1, 1, ${kernel}, ${kernel}]
  %d.bias = param() : f32[1]
  %d = depthwise(%x, %d.weight, %d.bias) {kernel: ${kernel}} : f32[N, 20, 2, 1]
  %m = maskSites(%d, %mask) {rows: 10, columns: 1, keep: 9} : f32[N, 20, 2, 1]
  return m: %m
}`);

describe("auto keeps a stage compact where that costs less", () => {
  // 0.9 · (16 + 1.25 k²) is less than 16 + k² up to k = 3, and more from k = 5 on.
  test.each([
    [3, [20]],
    [5, []],
    [7, []],
  ])("kernel %i: %j", (kernel, stages) => {
    expect([...siteLayouts.auto(alone(kernel))]).toEqual(stages);
  });

  test("and masked where both cost the same", () => {
    expect([...siteLayouts.auto(encoder(4))]).toEqual([]);
    expect(stageCosts(encoder(4))[1]).toMatchObject({ compact: 16 * small.same, masked: 16 * small.same });
  });

  test("all stages, or none, where it is said so", () => {
    expect([...siteLayouts.compact(encoder(4))]).toEqual([8, 4]);
    expect([...siteLayouts.masked(encoder(1))]).toEqual([]);
  });
});
