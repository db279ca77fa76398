import { describe, expect, test } from "vitest";
import { InternalError } from "../../src/diagnostics/invariant.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { typed } from "../../src/graph/infer.ts";
import { print } from "../../src/graph/print.ts";
import { read } from "../../src/graph/read.ts";

/** A graph of leaves and one node that reads them; `N` in front makes an input, anything else a parameter. */
function graphOf(node: string, operands: readonly string[]): Graph {
  const leaves = operands.map((type, i) => `  %${i} = ${type.includes("[N") ? "input" : "param"}() : ${type}`);
  const reads = operands.map((_, i) => `%${i}`).join(", ");
  const [op, attrs = "", type] = node.split("|").map(part => part.trim());
  const braces = attrs === "" ? "" : ` {${attrs}}`;
  return read(
    ["graph case {", ...leaves, `  %v = ${op}(${reads})${braces} : ${type}`, "  return v: %v", "}"].join("\n"),
  );
}

/** Attributes of a grid of 2 by 3 patches that keeps 2 of them. */
const grid = "rows: 2, columns: 3, keep: 2";
const map = "f32[N, 4, 6, 8]";
const mask = "f32[N, 6]";
const table = "i32[N, 8]";
const compact = "f32[N, 4, 2, 8]";

/** Every op with operands that fit it, and its type: `op | attributes | type`. */
const right: readonly (readonly [node: string, operands: readonly string[]])[] = [
  ["toChannelsLast | | f32[N, 4, 6, 3]", ["f32[N, 3, 4, 6]"]],
  ["toChannelsFirst | | f32[N, 8, 4, 6]", [map]],
  ["patchConv | size: 2 | f32[N, 2, 3, 5]", [map, "f32[5, 8, 2, 2]", "f32[5]"]],
  ["conv | kernel: 3, stride: 2 | f32[N, 2, 3, 5]", [map, "f32[5, 8, 3, 3]", "f32[5]"]],
  ["conv | kernel: 3, stride: 2 | f32[N, 3, 4, 5]", ["f32[N, 5, 7, 8]", "f32[5, 8, 3, 3]", "f32[5]"]],
  ["unfold | kernel: 3, stride: 2 | f32[N, 2, 3, 72]", [map]],
  ["reshape | type: f32[5, 72] | f32[5, 72]", ["f32[5, 8, 3, 3]"]],
  [`rescale | eps: 0.1, by: square | ${map}`, [map]],
  ["rescale | eps: 0.1, by: deviation | f32[N, 8]", ["f32[N, 8]"]],
  [`depthwise | kernel: 3 | ${map}`, [map, "f32[8, 1, 3, 3]", "f32[8]"]],
  [`depthwise | kernel: 3, dilation: 2 | ${map}`, [map, "f32[8, 1, 3, 3]", "f32[8]"]],
  ["patchConv | size: 4 | f32[N, 1, 1, 5]", [map, "f32[5, 8, 4, 4]", "f32[5]"]],
  ["neighbours | dilation: 2 | f32[N, 4, 6, 32]", [map]],
  ["linear | | f32[N, 4, 6, 5]", [map, "f32[5, 8]", "f32[5]"]],
  ["linear | | f32[N, 4, 6, 5]", [map, "f32[5, 2, 2, 2]", "f32[5]"]],
  ["linear | | f32[N, 5]", ["f32[N, 8]", "f32[5, 8, 1, 1]", "f32[1, 1, 1, 5]"]],
  [`layernorm | eps: 0.1 | ${map}`, [map, "f32[8]", "f32[8]"]],
  ["normalize | eps: 0.1 | f32[N, 8]", ["f32[N, 8]"]],
  [`gelu | form: erf | ${map}`, [map]],
  [`grn | eps: 0.1, over: sample | ${map}`, [map, "f32[1, 1, 1, 8]", "f32[1, 1, 1, 8]"]],
  ["sumSquares | over: sample | f32[N, 8]", [map]],
  ["sumSquares | over: batch | f32[8]", [map]],
  ["grnScale | eps: 0.1 | f32[N, 8]", ["f32[N, 8]", "f32[1, 1, 1, 8]"]],
  [`scaleChannels | | ${map}`, [map, "f32[N, 8]"]],
  [`scaleChannels | | ${map}`, [map, "f32[8]"]],
  [`shiftChannels | | ${map}`, [map, "f32[8]"]],
  [`add | | ${map}`, [map, map]],
  ["meanSites | | f32[N, 8]", [map]],
  [`maskSites | ${grid} | ${map}`, [map, mask]],
  [`maskSites | rows: 2, columns: 3, keep: 6 | ${map}`, [map, mask]],
  [`fillSites | ${grid} | ${map}`, [map, mask, "f32[1, 8, 1, 1]"]],
  [`patchTable | ${grid} | ${table}`, [mask]],
  [`gatherSites | ${grid} | ${compact}`, [map, table]],
  [`scatterSites | ${grid} | ${map}`, [compact, table]],
  [`scatterSites | ${grid} | ${map}`, [compact, table, "f32[1, 8, 1, 1]"]],
  [`siteDepthwise | kernel: 3, ${grid} | ${compact}`, [compact, "f32[8, 1, 3, 3]", "f32[8]", table]],
  ["averagePool | size: 2 | f32[N, 2, 3, 8]", [map]],
  ["patchify | size: 2 | f32[N, 2, 3, 12]", ["f32[N, 3, 4, 6]"]],
  ["standardize | eps: 0.1 | f32[N, 8]", ["f32[N, 8]"]],
  ["siteError | | f32[N, 24]", [map, map]],
  ["maskedMean | | f32[1]", [mask, mask]],
  ["scaleInputs | | f32[5, 8, 2, 2]", ["f32[5, 8, 2, 2]", "f32[8]"]],
  ["scaleOutputs | | f32[5, 8]", ["f32[5, 8]", "f32[5]"]],
  ["biasThrough | | f32[5]", ["f32[5]", "f32[5, 8]", "f32[1, 1, 1, 8]"]],
];

describe("what fits has its type", () => {
  test.each(right)("%s of %j", (node, operands) => {
    const graph = graphOf(node, operands);
    expect(read(print(graph))).toMatchObject({ outputs: graph.outputs });
  });
});

describe("a node takes as many operands as it says", () => {
  // With a token or without it, scatterSites takes two numbers of them.
  test.each(right.filter(([node]) => !node.startsWith("scatterSites")))("%s of %j", (node, operands) => {
    expect(() => graphOf(node, operands.slice(0, -1))).toThrow(InternalError);
    const more = [...operands, operands.at(-1) as string];
    expect(() => graphOf(node, more)).toThrow(`takes ${operands.length} operands`);
  });

  test("scatterSites takes two or three", () => {
    const token = "f32[1, 8, 1, 1]";
    const node = `scatterSites | ${grid} | ${map}`;
    expect(() => graphOf(node, [compact])).toThrow("scatterSites 'v' has no operand 1");
    expect(() => graphOf(node, [compact, table, token, token])).toThrow("takes 2 operands");
  });
});

/** What is wrong in one thing alone, and the sentence for it. */
const wrong: readonly (readonly [node: string, operands: readonly string[], message: string])[] = [
  ["toChannelsLast", ["f32[N, 8]"], "operand 0 is not a map"],
  ["toChannelsLast", ["f32[N, 8, 4, N]"], "operand 0 is not a map"],
  ["toChannelsLast", ["f32[N, N, 4, 4]"], "operand 0 is not a map"],
  ["toChannelsLast", ["f32[N, 8, N, 4]"], "operand 0 is not a map"],
  ["toChannelsFirst", ["f32[N, 8, 4, 4, 4]"], "operand 0 is not a map"],
  ["neighbours | dilation: 0", [map], "sites are a whole number apart"],
  ["patchConv | size: 2", ["f32[N, 1, 6, 8]", "f32[5, 8, 2, 2]", "f32[5]"], "1x6 has no patch of 2x2"],
  ["patchConv | size: 2", ["f32[N, 4, 1, 8]", "f32[5, 8, 2, 2]", "f32[5]"], "4x1 has no patch of 2x2"],
  ["patchConv | size: 2", [map, "f32[5, 7, 2, 2]", "f32[5]"], "weight is [O,8,2,2]"],
  ["patchConv | size: 2", [map, "f32[5, 8, 2, 3]", "f32[5]"], "weight is [O,8,2,2]"],
  ["patchConv | size: 2", [map, "f32[5, 8, 2, 2]", "f32[4]"], "bias has 5 elements"],
  ["depthwise | kernel: 4", [map, "f32[8, 1, 4, 4]", "f32[8]"], "the kernel is odd"],
  ["depthwise | kernel: 3", [map, "f32[8, 1, 3, 5]", "f32[8]"], "weight is [8,1,3,3]"],
  ["depthwise | kernel: 3", [map, "f32[8, 1, 3, 3]", "f32[7]"], "bias has 8 elements"],
  ["depthwise | kernel: 3", ["f32[N, 8]", "f32[8, 1, 3, 3]", "f32[8]"], "operand 0 is not a map"],
  ["conv | kernel: 3, stride: 2", [map, "f32[5, 7, 3, 3]", "f32[5]"], "weight is [O,8,3,3]"],
  ["conv | kernel: 3, stride: 2", [map, "f32[5, 8, 3, 3]", "f32[4]"], "bias has 5 elements"],
  ["conv | kernel: 2, stride: 2", [map, "f32[5, 8, 2, 2]", "f32[5]"], "the kernel is odd"],
  ["unfold | kernel: 2, stride: 2", [map], "the kernel is odd"],
  ["linear", [map, "f32[5, 7]", "f32[5]"], "weight is [O,8]"],
  ["linear", [map, "f32[5, 8, 1, 2]", "f32[5]"], "weight is [O,8]"],
  ["linear", [map, "f32[5, 8]", "f32[4]"], "bias has 5 elements"],
  ["layernorm | eps: 0.1", [map, "f32[7]", "f32[8]"], "gamma and beta have 8 elements"],
  ["layernorm | eps: 0.1", [map, "f32[8]", "f32[9]"], "gamma and beta have 8 elements"],
  ["layernorm | eps: 0.1", [map, "f32[8]", "f32[8, 1]"], "gamma and beta have 8 elements"],
  ["layernorm | eps: 0.1", [map, "f32[2, 8]", "f32[8]"], "gamma and beta have 8 elements"],
  ["layernorm | eps: 0.1", [map, "f32[N, 8]", "f32[8]"], "gamma and beta have 8 elements"],
  ["grn | eps: 0.1, over: sample", ["f32[N, 8]", "f32[8]", "f32[8]"], "operand 0 is not a map"],
  ["grn | eps: 0.1, over: sample", [map, "f32[8]", "f32[7]"], "gamma and beta have 8 elements"],
  ["sumSquares | over: sample", ["f32[N, 8]"], "operand 0 is not a map"],
  ["grnScale | eps: 0.1", ["f32[N, 8]", "f32[7]"], "gamma has 8 elements"],
  ["scaleChannels", [map, "f32[7]"], "one scale a channel"],
  ["scaleChannels", [map, "f32[N, 7]"], "one scale a channel"],
  ["scaleChannels", [map, "f32[N, 6, 8]"], "one scale a channel"],
  ["scaleChannels", ["f32[4, 8]", "f32[N, 8]"], "one scale a channel"],
  ["shiftChannels", [map, "f32[7]"], "one shift a channel"],
  ["shiftChannels", [map, "f32[N, 8]"], "one shift a channel"],
  ["add", [map, "f32[N, 6, 4, 8]"], "both sides have one shape"],
  ["add", [map, "f32[N, 8]"], "both sides have one shape"],
  ["meanSites", ["f32[N, 8]"], "operand 0 is not a map"],
  [`maskSites | ${grid}`, ["f32[N, 5, 6, 8]", mask], "5x6 is not cut evenly by 2x3 patches"],
  [`maskSites | ${grid}`, ["f32[N, 4, 8, 8]", mask], "4x8 is not cut evenly by 2x3 patches"],
  [`maskSites | ${grid}`, [map, "f32[N, 5]"], "operand 1 is f32 [N,6]"],
  [`maskSites | ${grid}`, [map, "f32[6]"], "operand 1 is f32 [N,6]"],
  [`maskSites | ${grid}`, [map, "i32[N, 6]"], "operand 1 is f32 [N,6]"],
  ["maskSites | rows: 2, columns: 3, keep: 0", [map, mask], "keeps 0 of 6 patches"],
  ["maskSites | rows: 2, columns: 3, keep: 7", [map, mask], "keeps 7 of 6 patches"],
  [`fillSites | ${grid}`, [map, mask, "f32[1, 7, 1, 1]"], "the token has 8 elements"],
  [`fillSites | ${grid}`, [map, "f32[N, 5]", "f32[1, 8, 1, 1]"], "operand 1 is f32 [N,6]"],
  [`patchTable | ${grid}`, ["f32[N, 5]"], "operand 0 is f32 [N,6]"],
  [`gatherSites | ${grid}`, [map, "i32[N, 7]"], "operand 1 is i32 [N,8]"],
  [`gatherSites | ${grid}`, [map, "f32[N, 8]"], "operand 1 is i32 [N,8]"],
  [`gatherSites | ${grid}`, ["f32[N, 5, 6, 8]", table], "5x6 is not cut evenly by 2x3 patches"],
  [`scatterSites | ${grid}`, ["f32[N, 3, 2, 8]", table], "3 rows are not 2 patches"],
  [`scatterSites | ${grid}`, [compact, "i32[N, 7]"], "operand 1 is i32 [N,8]"],
  [`scatterSites | ${grid}`, [compact, table, "f32[1, 7, 1, 1]"], "the token has 8 elements"],
  [`siteDepthwise | kernel: 3, ${grid}`, ["f32[N, 3, 2, 8]", "f32[8, 1, 3, 3]", "f32[8]", table], "3 rows are not 2"],
  [`siteDepthwise | kernel: 3, ${grid}`, [compact, "f32[8, 1, 3, 3]", "f32[8]", mask], "operand 3 is i32 [N,8]"],
  [`siteDepthwise | kernel: 4, ${grid}`, [compact, "f32[8, 1, 4, 4]", "f32[8]", table], "the kernel is odd"],
  ["averagePool | size: 2", ["f32[N, 5, 6, 8]"], "5x6 is not a multiple of 2"],
  ["averagePool | size: 4", [map], "4x6 is not a multiple of 4"],
  ["patchify | size: 2", ["f32[N, 3, 5, 6]"], "5x6 is not a multiple of 2"],
  ["patchify | size: 2", ["f32[N, 3, 6, 5]"], "6x5 is not a multiple of 2"],
  ["siteError", [map, "f32[N, 4, 6, 7]"], "both sides have one shape"],
  ["maskedMean", [mask, "f32[N, 5]"], "one error and one mask value a patch"],
  ["scaleInputs", ["f32[5, 8]", "f32[5]"], "one scale an input channel"],
  ["scaleOutputs", ["f32[5, 8]", "f32[8]"], "one scale an output channel"],
  ["biasThrough", ["f32[4]", "f32[5, 8]", "f32[8]"], "bias [O] and vector [I] fit the weight"],
  ["biasThrough", ["f32[5]", "f32[5, 8]", "f32[5]"], "bias [O] and vector [I] fit the weight"],
];

describe("what does not fit is told with the node and its operands", () => {
  test.each(wrong)("%s of %j", (node, operands, message) => {
    const [op = ""] = node.split(" ");
    const stated = node.includes("|") ? `${node} | ${map}` : `${node} | | ${map}`;
    const given = operands.map(type => type.replace(/^[if]32/, "").replaceAll(", ", ",")).join(", ");
    const found = () => graphOf(stated, operands);
    expect(found).toThrow(InternalError);
    expect(found).toThrow(`${op} 'v': ${message}`);
    expect(found).toThrow(`operands ${given}`);
  });
});

test("what a node reads is defined before it", () => {
  const node = graphOf("gelu | form: erf | f32[N, 8]", ["f32[N, 8]"]).nodes.get("v");
  if (node === undefined) throw new Error("no node 'v'");
  expect(() => typed(node, new Map())).toThrow("gelu 'v' reads '0', which is not defined before it");
});

test("a text that says another type than inference is refused", () => {
  expect(() => graphOf("meanSites | | f32[N, 7]", [map])).toThrow("v is f32[N, 8]");
  expect(() => graphOf("meanSites | | i32[N, 8]", [map])).toThrow("v is f32[N, 8]");
});
