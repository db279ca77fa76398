import { describe, expect, test } from "vitest";
import { channels, constants, type Graph, nodeOf, operand, resolve, sites } from "../../src/graph/graph.ts";
import type { TensorType } from "../../src/graph/ops.ts";
import { read } from "../../src/graph/read.ts";
import { dropDead, rewrite } from "../../src/graph/rewrite.ts";

const lines = [
  "graph case {",
  "  %x = input() : f32[N, 2, 3, 4]",
  "  %w = param() : f32[4, 4]",
  "  %b = param() : f32[4]",
  "  %s = scaleOutputs(%w, %b) : f32[4, 4]",
  "  %y = linear(%x, %s, %b) in %y : f32[N, 2, 3, 4]",
  "  %z = gelu(%y) {form: erf} in %y : f32[N, 2, 3, 4]",
  "  return z: %z",
  "}",
];
const graph = read(lines.join("\n"));
const type = (...shape: TensorType["shape"]): TensorType => ({ dtype: "f32", shape });

test("what depends on parameters alone is constant", () => {
  expect([...constants(graph)]).toEqual(["w", "b", "s"]);
});

test("shapes: the batch put in, the last dimension, the sides of a map", () => {
  expect(resolve(["N", 2, 3], 5)).toEqual([5, 2, 3]);
  expect(channels(type("N", 2))).toBe(2);
  expect(() => channels(type("N"))).toThrow("never the batch");
  expect(sites(type("N", 2, 3, 4))).toEqual({ height: 2, width: 3 });
  for (const shape of [type("N", 2, 3), type("N", "N", 3, 4), type("N", 2, "N", 4)])
    expect(() => sites(shape)).toThrow("not a map");
});

test("a node or an operand that is not there is an internal error", () => {
  expect(nodeOf(graph, "z").op).toBe("gelu");
  expect(() => nodeOf(graph, "q")).toThrow("no value 'q'");
  expect(operand(nodeOf(graph, "y"), 2)).toBe("b");
  expect(() => operand(nodeOf(graph, "z"), 1)).toThrow("gelu 'z' has no operand 1");
});

describe("rewriting", () => {
  const without = (outputs: Graph["outputs"]): Graph => dropDead({ ...graph, outputs });

  test("drops what no output needs, out of groups too, and keeps inputs", () => {
    const found = without([{ name: "s", value: "s" }]);
    expect([...found.nodes.keys()]).toEqual(["x", "w", "b", "s"]);
    expect([...found.groups]).toEqual([]);
    expect([...without([{ name: "y", value: "y" }]).groups]).toEqual([["y", "y"]]);
    expect([...without(graph.outputs).groups]).toEqual([...graph.groups]);
  });

  test("tells what a node alone reads", () => {
    const asked: boolean[] = [];
    rewrite(graph, {
      gelu(node, view) {
        const linear = nodeOf(graph, "y");
        asked.push(...["y", "z", "b"].map(id => view.onlyReadBy(id, node)), view.onlyReadBy("s", linear));
        asked.push(view.onlyReadBy("y", linear));
        return null;
      },
    });
    expect(asked).toEqual([true, false, false, true, false]);
  });
});

describe("the text of a graph", () => {
  test("says where each node stands in it", () => {
    const { span } = nodeOf(graph, "w");
    expect(span.source).toEqual({ name: "graph", text: lines.join("\n") });
    expect(span.source.text.slice(span.start, span.end)).toBe("  %w = param() : f32[4, 4]");
  });

  test.each([
    "a graph case {",
    "graph case { %x",
    "  a return z: %z",
    "return z: %z, y",
    "return z: %z %y",
    "return a z: %z",
    "%x = input()",
    "%x = input : f32[N]",
    "x = input() : f32[N, 2]",
  ])("%j is refused", line => {
    expect(() => read(line)).toThrow(/^not an? (node|output): /);
  });

  test("an empty one has nothing in it", () => {
    expect(read("")).toEqual({ name: "", nodes: new Map(), outputs: [], groups: new Map() });
  });
});
