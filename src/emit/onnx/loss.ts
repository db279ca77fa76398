import { channels, type Node, operand, sites } from "../../graph/graph.ts";
import { integers, scalar } from "./initializers.ts";
import { overAxes, sumOver } from "./reduce.ts";
import { ints, type Writer } from "./writer.ts";

/** [N,h,s,w,s,C] → [N,h,w,C]. */
export function averagePool(node: Node<"averagePool">, w: Writer): void {
  const { size } = node.attrs;
  const { height, width } = sites(node.type);
  const cut = integers(w, 0, height, size, width, size, channels(node.type));
  const patches = w.step(node.id, "cut", "Reshape", [w.value(operand(node, 0)), cut]);
  w.result(node, "ReduceMean", ...overAxes(w, patches, [2, 4], 0));
}

/** [N,C,h,s,w,s] → [N,h,w,s,s,C]. */
export function patchify(node: Node<"patchify">, w: Writer): void {
  const { size } = node.attrs;
  const { height, width } = sites(node.type);
  const image = operand(node, 0);
  const colours = channels(node.type) / size ** 2;
  const cut = w.step(node.id, "cut", "Reshape", [w.value(image), integers(w, 0, colours, height, size, width, size)]);
  const sorted = w.step(node.id, "sorted", "Transpose", [cut], { perm: ints(0, 2, 4, 3, 5, 1) });
  w.result(node, "Reshape", [sorted, integers(w, 0, height, width, channels(node.type))]);
}

/** The mean goes first and by itself: pixels of a flat patch differ by far less than they are. */
export function standardize(node: Node<"standardize">, w: Writer): void {
  const x = w.value(operand(node, 0));
  const mean = w.step(node.id, "mean", "ReduceMean", ...overAxes(w, x, [-1], 1));
  const centred = w.step(node.id, "centred", "Sub", [x, mean]);
  const squared = w.step(node.id, "squared", "Mul", [centred, centred]);
  const sum = w.step(node.id, "sum", "ReduceSum", ...sumOver(w, squared, [-1], 1));
  const variance = w.step(node.id, "variance", "Div", [sum, scalar(w, channels(node.type) - 1)]);
  const floor = w.step(node.id, "floor", "Add", [variance, scalar(w, node.attrs.eps)]);
  w.result(node, "Div", [centred, w.step(node.id, "deviation", "Sqrt", [floor])]);
}

export function siteError(node: Node<"siteError">, w: Writer): void {
  const off = w.step(node.id, "off", "Sub", [w.value(operand(node, 0)), w.value(operand(node, 1))]);
  const squared = w.step(node.id, "squared", "Mul", [off, off]);
  const mean = w.step(node.id, "mean", "ReduceMean", ...overAxes(w, squared, [-1], 0));
  w.result(node, "Reshape", [mean, integers(w, 0, channels(node.type))]);
}

export function maskedMean(node: Node<"maskedMean">, w: Writer): void {
  const [errors, mask] = [w.value(operand(node, 0)), w.value(operand(node, 1))];
  const removed = w.step(node.id, "removed", "Mul", [errors, mask]);
  const sum = w.step(node.id, "sum", "ReduceSum", ...sumOver(w, removed, [0, 1], 1));
  const count = w.step(node.id, "count", "ReduceSum", ...sumOver(w, mask, [0, 1], 1));
  const mean = w.step(node.id, "mean", "Div", [sum, count]);
  w.result(node, "Reshape", [mean, integers(w, 1)]);
}
