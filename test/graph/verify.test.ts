import { describe, expect, test } from "vitest";
import { InternalError } from "../../src/diagnostics/invariant.ts";
import type { Graph, Node } from "../../src/graph/graph.ts";
import { read } from "../../src/graph/read.ts";
import { verify } from "../../src/graph/verify.ts";

const text = `graph block {
  %x = input() : f32[N, 4, 4, 8]
  %a = gelu(%x) {form: erf} : f32[N, 4, 4, 8]
  %b = gelu(%a) {form: erf} : f32[N, 4, 4, 8]
  %c = gelu(%b) {form: erf} : f32[N, 4, 4, 8]
  %d = add(%c, %a) : f32[N, 4, 4, 8]
  return d: %d
}`;
const graph = read(text);
const node = (id: string): Node => graph.nodes.get(id) as Node;
const grouped = (groups: Readonly<Record<string, string>>): Graph => ({
  ...graph,
  groups: new Map(Object.entries(groups)),
});
/** The graph with some nodes put in under these names, in place or at the end. */
const changed = (nodes: Readonly<Record<string, object>>): Graph => ({
  ...graph,
  nodes: new Map([...graph.nodes, ...Object.entries(nodes)] as [string, Node][]),
});
const shaped = (...shape: readonly unknown[]): Readonly<Record<string, object>> => ({
  y: { ...node("x"), id: "y", attrs: { type: { dtype: "f32", shape } }, type: { dtype: "f32", shape } },
});

test("a graph that is well formed is given back", () => {
  expect(verify(graph, "build")).toBe(graph);
  expect(verify(graph, "build", new Set(["input", "gelu", "add"]))).toBe(graph);
});

const wrong: Readonly<Record<string, readonly [given: Graph, message: string]>> = {
  "a node under another name": [changed({ d: { ...node("d"), id: "e" } }), "'d' is filed under another name than 'e'"],
  "a type that inference does not give": [
    changed({ d: { ...node("d"), type: { dtype: "f32", shape: ["N", 4, 4, 9] } } }),
    "add 'd' says [N,4,4,9], inference [N,4,4,8]",
  ],
  "another storage type than inference gives": [
    changed({ d: { ...node("d"), type: { dtype: "i32", shape: ["N", 4, 4, 8] } } }),
    "add 'd' says [N,4,4,8], inference [N,4,4,8]",
  ],
  "a batch that is not first": [changed(shaped(4, "N")), "'y' has the shape [4,N]"],
  "a length of nothing": [changed(shaped("N", 0)), "'y' has the shape [N,0]"],
  "a length that is not whole": [changed(shaped("N", 1.5)), "'y' has the shape [N,1.5]"],
  "a block that a name does not begin with": [
    changed({ d: { ...node("d"), scope: { part: 0, block: 1 } } }),
    "'d' is said to be in stages.0.1",
  ],
  "a block that a name only seems to begin with": [
    changed({ "decoder.10": { ...node("d"), id: "decoder.10", scope: { part: "decoder", block: 1 } } }),
    "'decoder.10' is said to be in decoder.1",
  ],
  "no outputs": [{ ...graph, outputs: [] }, "no outputs"],
  "an output that is gone": [
    { ...graph, outputs: [{ name: "y", value: "gone" }] },
    "output y is 'gone', which is gone",
  ],
  "a member of a group that is gone": [
    grouped({ gone: "a", a: "a" }),
    "'gone' is grouped with 'a', one of them is gone",
  ],
  "a group named after what is gone": [grouped({ a: "gone" }), "'a' is grouped with 'gone', one of them is gone"],
  "a group named after a node outside": [grouped({ b: "a" }), "'a' names a group it is not in"],
  "a group named after a member of another": [grouped({ b: "a", a: "c", c: "c" }), "'a' names a group it is not in"],
  "a path out of a group and back": [
    grouped({ a: "a", d: "a" }),
    "a path leaves the group of 'a' and comes back at 'd'",
  ],
  "a path back over another group": [
    grouped({ a: "a", d: "a", b: "b", c: "b" }),
    "a path leaves the group of 'a' and comes back at 'd'",
  ],
};

describe("what is wrong is told with the graph and the pass", () => {
  test.each(Object.keys(wrong))("%s", name => {
    const [given, message] = wrong[name] as (typeof wrong)[string];
    expect(() => verify(given, "some-pass")).toThrow(InternalError);
    expect(() => verify(given, "some-pass")).toThrow(`block, after some-pass: ${message}`);
  });

  test("an op that the target does not have", () => {
    expect(() => verify(graph, "wgsl", new Set(["input", "gelu"]))).toThrow("add 'd' is not an op of this target");
  });
});

test("groups may read each other, as long as none is come back to", () => {
  const given = grouped({ a: "a", b: "a", c: "c", d: "c" });
  expect(verify(given, "fuse")).toBe(given);
});
