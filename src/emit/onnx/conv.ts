import { channels, type Node, operand, sites } from "../../graph/graph.ts";
import { asIs, carriesBias, carryingBias, integers, vector } from "./initializers.ts";
import { lengths, sidesOf, times } from "./sides.ts";
import { fromBlocks, imagePatches, toBlocks } from "./sites.ts";
import { type Attributes, int, ints, type Writer } from "./writer.ts";

export function patchConv(node: Node<"patchConv">, w: Writer): void {
  const { size } = node.attrs;
  const attributes = { kernel_shape: ints(size, size), strides: ints(size, size) };
  const pixels = imagePatches(operand(node, 0), w);
  if (carriesBias(w, node)) rearranged(node, w);
  else if (pixels === null) w.result(node, "Transpose", [conv(node, w, channelsFirst(node, w), attributes)], lastly);
  else {
    const maps = w.step(node.id, "patches", "Transpose", [conv(node, w, pixels, attributes)], lastly);
    const { height, width } = sites(node.type);
    w.result(node, "Reshape", [maps, integers(w, -1, height, width, channels(node.type))]);
  }
}

export function overlappingConv(node: Node<"conv">, w: Writer): void {
  const { kernel, stride } = node.attrs;
  const pad = (kernel - 1) / 2;
  const window = { kernel_shape: ints(kernel, kernel), strides: ints(stride, stride), pads: ints(pad, pad, pad, pad) };
  w.result(node, "Transpose", [conv(node, w, channelsFirst(node, w), window)], lastly);
}

/** A linear layer over 2x2 sites of its own map. */
export function neighbourConv(node: Node<"linear">, near: Node<"neighbours">, w: Writer): void {
  const { dilation } = near.attrs;
  const before = Math.floor(dilation / 2);
  const after = dilation - before;
  const attributes = {
    kernel_shape: ints(2, 2),
    dilations: ints(dilation, dilation),
    pads: ints(before, before, after, after),
  };
  w.result(node, "Transpose", [conv(node, w, channelsFirst(near, w), attributes)], lastly);
}

export const depthwise = (node: Node<"depthwise">, w: Writer): void =>
  w.result(node, "Transpose", [conv(node, w, channelsFirst(node, w), aroundEach(node))], lastly);

/**
 * The convolution runs over the whole map, into which the kept patches are put back: it costs the least of a block, and
 * runtimes are at their best where a map is dense. What it gives for removed sites is left behind.
 */
export function siteDepthwise(node: Node<"siteDepthwise">, w: Writer): void {
  const [x, table] = [operand(node, 0), operand(node, 3)];
  const whole = toBlocks(node, w, x, table);
  const first = w.step(node.id, "input", "Transpose", [whole], { perm: ints(0, 3, 1, 2) });
  const last = w.step(node.id, "whole", "Transpose", [conv(node, w, first, aroundEach(node))], lastly);
  fromBlocks(node, w, last, table);
}

/** Convolutions read and write channels-first. Runtimes join the transposes with the layout they convert to anyway. */
const lastly: Attributes = { perm: ints(0, 2, 3, 1) };

function conv(node: Node, w: Writer, input: string, attributes: Attributes): string {
  const weight = asIs(w, operand(node, 1));
  const bias = operand(node, 2);
  const optional = w.node(bias).op === "constant" ? [] : [vector(w, bias)];
  return w.step(node.id, "conv", "Conv", [input, weight, ...optional], attributes);
}

function aroundEach(node: Node<"depthwise"> | Node<"siteDepthwise">): Attributes {
  const { kernel } = node.attrs;
  const { dilation = 1 } = node.op === "depthwise" ? node.attrs : {};
  const pad = ((kernel - 1) / 2) * dilation;
  return {
    kernel_shape: ints(kernel, kernel),
    pads: ints(pad, pad, pad, pad),
    ...(dilation === 1 ? {} : { dilations: ints(dilation, dilation) }),
    group: int(channels(node.type)),
  };
}

/** The operand as NCHW; the image is that already. */
function channelsFirst(reader: Node, w: Writer): string {
  const x = operand(reader, 0);
  const producer = w.node(x);
  if (producer.op === "toChannelsLast") return w.value(operand(producer, 0));
  return w.step(reader.id, "input", "Transpose", [w.value(x)], { perm: ints(0, 3, 1, 2) });
}

/** The sites that patches cover: a map without what is left over below and to the right. */
function covered(node: Node<"patchConv">, w: Writer): string {
  const { size } = node.attrs;
  const x = operand(node, 0);
  const [all, patches] = [sites(w.node(x).type), sidesOf(w, node.type)];
  const [bottom, right] = [times(w, patches.height, size), times(w, patches.width, size)];
  if (all.height === bottom && all.width === right) return w.value(x, w.layoutOf(x));
  return w.step(node.id, "covered", "Slice", [
    w.value(x),
    integers(w, 0, 0),
    lengths(w, bottom, right),
    integers(w, 1, 2),
  ]);
}

/** Patches that do not overlap are a rearrangement and a product: [N,H,s,W,s·I] → [N,H,W,s,s·I]. */
function rearranged(node: Node<"patchConv">, w: Writer): void {
  const { size } = node.attrs;
  const { height, width } = sidesOf(w, node.type);
  const [x, weight, bias] = [operand(node, 0), operand(node, 1), operand(node, 2)];
  const line = size * channels(w.node(x).type);
  const lines = w.step(node.id, "lines", "Reshape", [covered(node, w), lengths(w, 0, height, size, width, line)]);
  const sorted = w.step(node.id, "sorted", "Transpose", [lines], { perm: ints(0, 1, 3, 2, 4) });
  const patch = w.step(node.id, "patches", "Reshape", [sorted, lengths(w, 0, height, width, size * line)]);
  w.result(node, "MatMul", [patch, carryingBias(w, weight, bias)]);
}
