import { expect, test } from "vitest";
import { explainPass, fusions } from "../src/explain.ts";
import { read } from "../src/graph/read.ts";
import { compactSites } from "../src/passes/compact-sites.ts";
import { foldGrnShift } from "../src/passes/fold-grn-shift.ts";
import { fuseActivation } from "../src/passes/grouping/fuse-activation.ts";
import { splitGrn } from "../src/passes/split-grn.ts";

/** 2 MB an image of every value, written once and read once. */
const block = read(`graph case {
  %x = input() : f32[N, 500, 250, 2]
  %w = param() : f32[2, 2]
  %b = param() : f32[2]
  %y = linear(%x, %w, %b) : f32[N, 500, 250, 2]
  %a = gelu(%y) {form: erf} : f32[N, 500, 250, 2]
  %g.weight = param() : f32[1, 1, 1, 2]
  %g.bias = param() : f32[1, 1, 1, 2]
  %g = grn(%a, %g.weight, %g.bias) {eps: 0.000001, over: sample} : f32[N, 500, 250, 2]
  %z.weight = param() : f32[2, 2]
  %z.bias = param() : f32[2]
  %z = linear(%g, %z.weight, %z.bias) : f32[N, 500, 250, 2]
  return z: %z
}`);
const split = splitGrn.run(block);
const fused = fuseActivation.run(split);

test("what a kernel alone needs is neither written nor read: f32 twice an element", () => {
  // The activation is read by the second linear too, and its squares by the next kernel.
  expect(fusions(fused)).toEqual([{ anchor: "y", members: ["y", "a", "g.squares"], saved: 2 * 4 * 500 * 250 * 2 }]);
  expect(fusions(split)).toEqual([]);
});

test("an output is written all the same, and so is what is no image's", () => {
  const shown = { ...block, outputs: [...block.outputs, { name: "y", value: "y" }] };
  const groups = new Map(["y", "a", "w", "b"].map(id => [id, "y"]));
  expect(fusions({ ...shown, groups }).map(({ saved }) => saved)).toEqual([0]);
});

test("a pass that groups says which kernels grew, and by how many bytes", () => {
  expect(explainPass(fuseActivation, split, fused)).toEqual([
    "fuse-activation: 1 kernels grew, 2.00 MB an image stay in registers",
    "  y: y + a + g.squares (2.00 MB)",
  ]);
  expect(explainPass(fuseActivation, fused, fuseActivation.run(fused))).toEqual(["fuse-activation: nothing to do"]);
});

test("what another pass had saved before is not counted again", () => {
  const less = { ...split, groups: new Map(["y", "a"].map(id => [id, "y"])) };
  expect(explainPass(fuseActivation, less, fused)).toEqual([
    "fuse-activation: 1 kernels grew, 0.00 MB an image stay in registers",
    "  y: y + a + g.squares (2.00 MB)",
  ]);
});

test("a pass that rewrites says how many values are new, and one of them", () => {
  expect(explainPass(splitGrn, block, split)).toEqual(["split-grn: 3 new values, such as g.squares"]);
  expect(explainPass(foldGrnShift, split, foldGrnShift.run(split))).toEqual([
    "fold-grn-shift: 1 new values, such as z.bias.by_shift",
  ]);
});

test("of a masked encoder every stage says how it is run, and what each way is worth", () => {
  const encoder = read(`graph block {
    %x = input() : f32[N, 400, 400, 10]
    %mask = input() : f32[N, 4]
    %w = param() : f32[10, 1, 3, 3]
    %b = param() : f32[10]
    %d = depthwise(%x, %w, %b) {kernel: 3} : f32[N, 400, 400, 10]
    %m = maskSites(%d, %mask) {rows: 2, columns: 2, keep: 1} : f32[N, 400, 400, 10]
    return m: %m
  }`);
  // Two values of 10 channels, each worth 8 multiply-adds an element, and 9 taps, of which a compact one is worth 1.25.
  const compact = (40_000 * (160 + 90 * 1.25)) / 1e6;
  const masked = (160_000 * (160 + 90)) / 1e6;
  expect(explainPass(compactSites, encoder, compactSites.run(encoder))).toEqual([
    "compact-sites: 3 new values, such as mask.table",
    `  stage of 400 rows: compact, 40000 of 160000 sites are kept; compact is worth ${compact.toFixed(1)} M ` +
      `multiply-adds an image, masked ${masked.toFixed(1)} M`,
  ]);
});
