import { describe, expect, test } from "vitest";
import { build, tapsOf } from "../../src/graph/build.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { printNode } from "../../src/graph/print.ts";
import type { Model } from "../../src/model/model.ts";
import { classifierOf } from "../../src/model/model.ts";
import { model, mustBuild } from "../support/models.ts";

const dense = model({ depths: [1, 2], dims: [8, 16], kernels: [3, 7], normEps: 0.1 });
const masked = model({
  depths: [1, 1],
  dims: [4, 6],
  input: { height: 32, width: 64, channels: 2 },
  mlpRatio: 2,
  activation: "gelu_tanh",
  grn: "per_batch",
  layerScale: 1e-6,
  head: { kind: "fcmae", maskRatio: 0.5, patchSize: 16, decoder: { depth: 1, dim: 3 }, normPixLoss: true },
});
const block = ["dwconv", "norm", "pwconv1", "act", "grn", "pwconv2"];
/** A node as text, or "" where there is none of that name. */
const shown = ({ nodes }: Graph, id: string): string => {
  const node = nodes.get(id);
  return node ? printNode(node, undefined) : "";
};
const outputs = (given: Model, taps: readonly string[] = []) =>
  mustBuild(given, taps).outputs.map(({ name, value }) => [name, value]);

describe("module paths that can be tapped", () => {
  test("of a classifier", () => {
    expect([...tapsOf(dense).keys()]).toEqual([
      ...["downsample_layers.0.0", "downsample_layers.0.1", "downsample_layers.0"],
      ...[...block.map(part => `stages.0.0.${part}`), "stages.0.0", "stages.0"],
      ...["downsample_layers.1.0", "downsample_layers.1.1", "downsample_layers.1"],
      ...[...block.map(part => `stages.1.0.${part}`), "stages.1.0"],
      ...[...block.map(part => `stages.1.1.${part}`), "stages.1.1", "stages.1"],
      "norm",
    ]);
  });

  test("of a masked autoencoder also the encoder, the decoder and the loss of each patch", () => {
    const names = [...tapsOf(masked).keys()];
    expect(names.slice(names.indexOf("stages.1"))).toEqual([
      ...["stages.1", "encoder"],
      ...[...block.map(part => `decoder.0.${part}`), "decoder.0"],
      "loss_per_patch",
    ]);
  });

  test("say whether they are a stage, a block or inside of one", () => {
    const of = (extent: string) => [...tapsOf(masked)].flatMap(([name, tap]) => (tap.extent === extent ? [name] : []));
    expect(of("stage")).toEqual(["stages.0", "stages.1"]);
    const blocks = ["downsample_layers.0", "stages.0.0", "downsample_layers.1", "stages.1.0", "decoder.0"];
    expect(of("block")).toEqual(blocks);
    expect(of("inside").length).toBe(tapsOf(masked).size - 2 - blocks.length);
  });

  test("one that is not there is an error with the nearest one", () => {
    const built = build(dense, ["stages.0", "stages.0.0.dwconf", "encoder.stages.9"]);
    expect(built.ok).toBe(false);
    expect(built.diagnostics.map(({ code }) => code)).toEqual(["no-such-tap", "no-such-tap"]);
    expect(built.diagnostics[0]?.message).toContain("'stages.0.0.dwconv'");
  });
});

describe("what is tapped is an output in the official layout", () => {
  test("maps as NCHW, what is inside a block as it is, each once", () => {
    const maps = ["0.0", "0.1", "0", "1.0"].map(name => `downsample_layers.${name}`);
    expect(outputs(dense, maps).slice(1)).toEqual(maps.map(name => [name, `${name}.nchw`]));
    expect(outputs(masked, ["decoder.0", "loss_per_patch"]).slice(3)).toEqual([
      ["decoder.0", "decoder.0.nchw"],
      ["loss_per_patch", "loss_per_patch"],
    ]);
    expect(outputs(dense, ["stages.0.0.dwconv", "stages.0.0.norm", "norm", "stages.1", "stages.1.1"])).toEqual([
      ["logits", "head"],
      ["stages.0.0.dwconv", "stages.0.0.dwconv.nchw"],
      ["stages.0.0.norm", "stages.0.0.norm"],
      ["norm", "norm"],
      ["stages.1", "stages.1.nchw"],
      ["stages.1.1", "stages.1.1.nchw"],
    ]);
  });

  test("an encoder's under either of its names, without what the mask removes", () => {
    const taps = ["encoder.stages.0.0.act", "encoder.downsample_layers.1", "downsample_layers.1.1", "stages.0"];
    const graph = mustBuild(masked, taps);
    expect(graph.outputs.slice(3).map(({ name, value }) => [name, value])).toEqual([
      ["encoder.stages.0.0.act", "stages.0.0.act.visible"],
      ["encoder.downsample_layers.1", "encoder.downsample_layers.1.nchw"],
      ["downsample_layers.1.1", "downsample_layers.1.1.nchw"],
      ["stages.0", "stages.0.nchw"],
    ]);
    expect(shown(graph, "encoder.downsample_layers.1.nchw")).toContain("(%downsample_layers.1.1.visible)");
    expect(shown(graph, "downsample_layers.1.1.nchw")).toContain("(%downsample_layers.1.1.visible)");
    expect(shown(graph, "stages.0.nchw"), "which is hidden already").toContain("(%stages.0.0.visible)");
  });
});

describe("heads", () => {
  test("a classifier of no classes gives the pooled vector", () => {
    expect(outputs({ ...dense, head: classifierOf(0) })).toEqual([["pooled", "norm"]]);
    expect(outputs({ ...dense, head: classifierOf(1) })).toEqual([["logits", "head"]]);
  });

  test("features are the levels that are asked for, normalised or not", () => {
    const features = (norm: boolean) => mustBuild({ ...dense, head: { kind: "features", levels: [1, 2], norm } });
    const plain = features(false);
    expect(plain.outputs.map(({ name, value }) => [name, value])).toEqual([
      ["stage1", "stage1"],
      ["stage2", "stage2"],
    ]);
    expect(shown(plain, "stage1")).toBe("%stage1 = toChannelsFirst(%stages.0.0) : f32[N, 8, 8, 8]");
    expect(shown(plain, "stage2")).toBe("%stage2 = toChannelsFirst(%stages.1.1) : f32[N, 16, 4, 4]");
    const normed = features(true);
    expect(shown(normed, "stage2")).toBe("%stage2 = toChannelsFirst(%norm1) : f32[N, 16, 4, 4]");
    expect(shown(normed, "norm0")).toBe(
      "%norm0 = layernorm(%stages.0.0, %norm0.weight, %norm0.bias) {eps: 0.1} : f32[N, 8, 8, 8]",
    );
  });
});

describe("the network of the official code", () => {
  test("a dense one", () => {
    const graph = mustBuild(dense);
    const lines = [
      "%downsample_layers.0.0 = patchConv(%pixel_values.nhwc, %downsample_layers.0.0.weight, %downsample_layers.0.0.bias) {size: 4} : f32[N, 8, 8, 8]",
      "%downsample_layers.0.1 = layernorm(%downsample_layers.0.0, %downsample_layers.0.1.weight, %downsample_layers.0.1.bias) {eps: 0.1} : f32[N, 8, 8, 8]",
      "%stages.0.0.dwconv = depthwise(%downsample_layers.0.1, %stages.0.0.dwconv.weight, %stages.0.0.dwconv.bias) {kernel: 3} : f32[N, 8, 8, 8]",
      "%stages.0.0.pwconv1 = linear(%stages.0.0.norm, %stages.0.0.pwconv1.weight, %stages.0.0.pwconv1.bias) : f32[N, 8, 8, 32]",
      "%stages.0.0.act = gelu(%stages.0.0.pwconv1) {form: erf} : f32[N, 8, 8, 32]",
      "%stages.0.0.grn = grn(%stages.0.0.act, %stages.0.0.grn.gamma, %stages.0.0.grn.beta) {eps: 0.000001, over: sample} : f32[N, 8, 8, 32]",
      "%stages.0.0 = add(%stages.0.0.pwconv2, %downsample_layers.0.1) : f32[N, 8, 8, 8]",
      "%downsample_layers.1.1 = patchConv(%downsample_layers.1.0, %downsample_layers.1.1.weight, %downsample_layers.1.1.bias) {size: 2} : f32[N, 4, 4, 16]",
      "%stages.1.1 = add(%stages.1.1.pwconv2, %stages.1.0) : f32[N, 4, 4, 16]",
      "%pool = meanSites(%stages.1.1) : f32[N, 16]",
    ];
    for (const line of lines) expect(shown(graph, line.slice(1).split(" ")[0] as string)).toBe(line);
    const without = mustBuild({ ...dense, grn: "none" });
    expect([...without.nodes.keys()].filter(id => /grn|gamma|visible/.test(id))).toEqual([]);
    expect(shown(without, "stages.0.0.pwconv2")).toContain("linear(%stages.0.0.act, ");
  });

  test("a masked autoencoder", () => {
    const graph = mustBuild(masked);
    expect(graph.outputs.map(({ name, value }) => [name, value])).toEqual([
      ["loss", "loss"],
      ["pred", "pred.nchw"],
      ["encoded", "encoded"],
    ]);
    const grid = "{rows: 2, columns: 4, keep: 4}";
    const lines = [
      "%mask = input() : f32[N, 8]",
      `%downsample_layers.0.visible = maskSites(%downsample_layers.0.1, %mask) ${grid} : f32[N, 8, 16, 4]`,
      "%stages.0.0.act = gelu(%stages.0.0.pwconv1) {form: tanh} : f32[N, 8, 16, 8]",
      `%stages.0.0.act.visible = maskSites(%stages.0.0.act, %mask) ${grid} : f32[N, 8, 16, 8]`,
      "%stages.0.0.grn = grn(%stages.0.0.act.visible, %stages.0.0.grn.gamma, %stages.0.0.grn.beta) {eps: 0.000001, over: batch} : f32[N, 8, 16, 8]",
      "%stages.0.0.scaled = scaleChannels(%stages.0.0.pwconv2, %stages.0.0.gamma) : f32[N, 8, 16, 4]",
      "%stages.0.0 = add(%stages.0.0.scaled, %downsample_layers.0.visible) : f32[N, 8, 16, 4]",
      "%proj = linear(%stages.1.0.visible, %proj.weight, %proj.bias) : f32[N, 4, 8, 3]",
      `%decoder.tokens = fillSites(%proj, %mask, %mask_token) ${grid} : f32[N, 4, 8, 3]`,
      "%decoder.0.dwconv = depthwise(%decoder.tokens, %decoder.0.dwconv.weight, %decoder.0.dwconv.bias) {kernel: 7} : f32[N, 4, 8, 3]",
      "%decoder.0.pwconv1 = linear(%decoder.0.norm, %decoder.0.pwconv1.weight, %decoder.0.pwconv1.bias) : f32[N, 4, 8, 12]",
      "%decoder.0.grn = grn(%decoder.0.act, %decoder.0.grn.gamma, %decoder.0.grn.beta) {eps: 0.000001, over: sample} : f32[N, 4, 8, 12]",
      "%decoder.patches = averagePool(%decoder.0) {size: 2} : f32[N, 2, 4, 3]",
      "%pred = linear(%decoder.patches, %pred.weight, %pred.bias) : f32[N, 2, 4, 512]",
      "%target.standardized = standardize(%target.patches) {eps: 0.000001} : f32[N, 2, 4, 512]",
      "%loss_per_patch = siteError(%pred, %target.standardized) : f32[N, 8]",
      "%loss = maskedMean(%loss_per_patch, %mask) : f32[1]",
    ];
    for (const line of lines) expect(shown(graph, line.slice(1).split(" ")[0] as string)).toBe(line);
  });

  test("every node points to where its stage stands in the spec", () => {
    const span = { ...dense.span, start: 7, end: 9 };
    const [first, second] = dense.stages;
    if (first === undefined || second === undefined) throw new Error("two stages");
    const { nodes } = mustBuild({ ...dense, stages: [first, { ...second, span }] });
    const placed = ["stages.0.0", "downsample_layers.1.0", "stages.1.1", "pool"].map(id => nodes.get(id)?.span.start);
    expect(placed).toEqual([0, 7, 7, 0]);
  });

  test("every node says what of the network it is, its parameters too", () => {
    const scopeOf =
      ({ nodes }: Graph) =>
      (id: string) =>
        Object.values(nodes.get(id)?.scope ?? {}).join(" ");
    const inStage = ["downsample_layers.1.0", "stages.1.0.dwconv", "stages.1.1.grn.beta", "stages.1.1"];
    const ends = ["pixel_values", "downsample_layers.0.1.weight", ...inStage, "pool", "head.weight"];
    expect(ends.map(scopeOf(mustBuild(dense)))).toEqual([
      ...["stem ", "stem ", "1 ", "1 0", "1 1", "1 1", "head ", "head "],
    ]);
    const around = ["mask", "downsample_layers.0.visible", "stages.0.0.visible", "proj", "mask_token"];
    const after = ["decoder.tokens", "decoder.0.pwconv1.weight", "decoder.0", "pred", "loss", "target.patches"];
    expect([...around, ...after].map(scopeOf(mustBuild(masked)))).toEqual([
      ...["stem ", "stem ", "0 0", "decoder ", "decoder "],
      ...["decoder ", "decoder 0", "decoder 0", "decoder ", "decoder ", "decoder "],
    ]);
    const tapped = mustBuild(masked, ["encoder.stages.1.0", "encoder.stages.0", "decoder.0"]);
    const read = ["encoder.stages.1.0.nchw", "encoder.stages.0.nchw", "decoder.0.nchw"];
    expect(read.map(scopeOf(tapped)), "of the part, but of no block").toEqual(["1 ", "0 ", "decoder "]);
  });

  test("its target is raw, and one position of the decoder a patch, where it is said so", () => {
    const raw = mustBuild({
      ...masked,
      head: { kind: "fcmae", maskRatio: 0.5, patchSize: 8, decoder: { depth: 1, dim: 3 }, normPixLoss: false },
    });
    expect([...raw.nodes.values()].filter(({ op }) => op === "standardize" || op === "averagePool")).toEqual([]);
    expect(shown(raw, "loss_per_patch")).toBe("%loss_per_patch = siteError(%pred, %target.patches) : f32[N, 32]");
  });
});
