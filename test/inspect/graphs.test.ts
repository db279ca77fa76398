import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Naming, print } from "../../src/graph/print.ts";
import type { Scope } from "../../src/graph/scope.ts";
import { dot } from "../../src/inspect/dot.ts";
import { drawingOf } from "../../src/inspect/drawing.ts";
import { foldLines, ranges } from "../../src/inspect/fold.ts";
import { type Inspection, inspect } from "../../src/inspect/inspect.ts";
import { inspectText } from "../../src/inspect/inspect-text.ts";
import { mermaid } from "../../src/inspect/mermaid.ts";
import type { Subject } from "../../src/inspect/subject.ts";
import { checkFiles, must } from "../syntax/support.ts";

const files = new Map(["convnextv2.cnx", "micro.cnx"].map(name => [name, readFileSync(`specs/${name}`)]));
const inspected = (file: string, name: string, more: Partial<Subject> = {}): Inspection => {
  const model = must(checkFiles(files, file)).models.get(name);
  if (model === undefined) throw new Error(`no ${name}`);
  const batch = { min: 1, max: 1 };
  return must(inspect({ model, target: "wgsl", dtype: "f32", batch, sites: "auto", ...more }));
};
const fcmae = inspected("micro.cnx", "micro_fcmae");
const atto = inspected("convnextv2.cnx", "atto");
const all = [fcmae, atto, inspected("micro.cnx", "micro_features", { target: "cuda", dtype: "f16" })];

describe("folding", () => {
  test("lines of equal blocks come once; other blocks, other stages and other words stay", () => {
    const scopes = new Map<string, Scope>([
      ["stages.2.0.act", { part: 2, block: 0 }],
      ["stages.2.1.act", { part: 2, block: 1 }],
      ["stages.2.2.act", { part: 2, block: 2 }],
      ["stages.2.4.act", { part: 2, block: 4 }],
      ["stages.3.1.act", { part: 3, block: 1 }],
      ["stages.2.0", { part: 2, block: 0 }],
      ["stages.2.1", { part: 2, block: 1 }],
      ["stages.2.3", { part: 2, block: 3 }],
      ["stages.3.11", { part: 3, block: 11 }],
      ["downsample_layers.2.1", { part: 2, block: null }],
      ["decoder.0", { part: "decoder", block: 0 }],
      ["decoder.1", { part: "decoder", block: 1 }],
      ["head", { part: "head", block: null }],
    ]);
    const line = (id: string, ...inputs: readonly string[]) => ({
      scope: scopes.get(id) as Scope,
      text: (name: Naming) => `%${name(id)} = ${inputs.map(input => `%${name(input)}`).join(" + ")}`,
    });
    expect(
      foldLines(
        [
          line("stages.2.0.act", "downsample_layers.2.1"),
          line("stages.2.1.act", "stages.2.0"),
          line("stages.2.2.act", "stages.2.1"),
          line("stages.2.4.act", "stages.2.3"),
          line("stages.3.1.act", "stages.2.0", "stages.3.11"),
          line("decoder.0", "no.node"),
          line("decoder.1", "decoder.0"),
          line("head", "stages.2.0"),
        ],
        id => scopes.get(id),
      ),
    ).toEqual([
      { text: "%stages.2.0.act = %downsample_layers.2.1", count: 1, blocks: null },
      { text: "%stages.2.{j}.act = %stages.2.{j-1}", count: 3, blocks: "1..2, 4" },
      { text: "%stages.3.1.act = %stages.2.0 + %stages.3.11", count: 1, blocks: null },
      { text: "%decoder.0 = %no.node", count: 1, blocks: null },
      { text: "%decoder.1 = %decoder.0", count: 1, blocks: null },
      { text: "%head = %stages.2.0", count: 1, blocks: null },
    ]);
    expect(ranges([])).toBe("");
    expect(ranges([3])).toBe("3");
  });

  test("a graph unfolds to what it was", () => {
    const lines = atto.changes.at(-1)?.after.lines ?? [];
    expect(lines.length).toBeLessThan(atto.graph.nodes.size / 2);
    const unfolded = lines.flatMap(({ text, blocks }) =>
      blocks === null
        ? [text]
        : indices(blocks).map(j => text.replaceAll("{j-1}", `${j - 1}`).replaceAll("{j}", `${j}`)),
    );
    const printed = print(atto.graph)
      .split("\n")
      .slice(1, -3)
      .map(line => line.trim());
    expect([...unfolded].sort()).toEqual([...printed].sort());
  });
});

const indices = (blocks: string): readonly number[] =>
  blocks.split(", ").flatMap(run => {
    const [from = 0, to = from] = run.split("..").map(Number);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });

describe("passes", () => {
  test("nodes add up from one pass to the next", () => {
    for (const { built, changes, graph } of all) {
      let count = built.count;
      for (const { added, removed, after } of changes) {
        count += added.count - removed.count;
        expect(after.count).toBe(count);
      }
      expect(count).toBe(graph.nodes.size);
    }
  });

  test("each says what it did", () => {
    const by = (name: string) => fcmae.changes.find(({ pass }) => pass === name);
    expect(by("compact-sites")?.reasons[0]).toMatch(/^stage of 32 rows: compact/);
    expect(by("split-grn")?.rewired.lines[0]?.text).toMatch(/^%\S+ = grn\(.*\n%\S+ = shiftChannels\(/);
    expect(by("fold-grn-shift")?.removed.lines[0]?.text).toMatch(/= shiftChannels\(/);
    expect(by("fuse-loss")?.grouped.lines).toEqual([
      { text: "in %loss_per_patch: %target.patches + %target.standardized + %loss_per_patch", count: 1, blocks: null },
    ]);
    expect(by("fuse-norm")?.saved).toBeGreaterThan(0);
    const text = inspectText(fcmae);
    for (const said of ["fold-layer-scale: nothing to do", "  - %", "  + %", "  ~ %", "    ⟶ %", "for j = 0..1"])
      expect(text).toContain(said);
  });
});

describe("kernels", () => {
  test("every run has its text, which binds what the run names", () => {
    for (const { runs, sources } of all) {
      expect(sources.ofRun.length).toBe(runs.runs.length);
      expect(new Set(sources.ofRun).size).toBe(sources.kernels.length);
      runs.runs.forEach(({ operands }, i) => {
        const { code = "" } = sources.kernels[sources.ofRun[i] ?? -1] ?? {};
        for (const { role } of operands) expect(code).toMatch(new RegExp(`\\b${role}\\b`));
      });
    }
  });

  test("their text is what compiling writes", () => {
    for (const { name, code } of atto.sources.kernels)
      expect(readFileSync(`generated/atto/wgsl/${name}.wgsl`, "utf8").endsWith(code), name).toBe(true);
  });

  test("CUDA's too", () => {
    const { sources } = inspected("convnextv2.cnx", "atto", {
      target: "cuda",
      dtype: "bf16",
      batch: { min: 1, max: 32 },
    });
    for (const { name, code } of sources.kernels)
      expect(readFileSync(`generated/atto/cuda/${name}.cu`, "utf8").endsWith(code), name).toBe(true);
    for (const [i, file] of ["pack.cu", "device.h"].entries())
      expect(readFileSync(`generated/atto/cuda/${file}`, "utf8").endsWith(sources.others[i]?.code ?? "?"), file).toBe(
        true,
      );
  });
});

describe("drawings", () => {
  const drawings = all.map(({ graph, runs }) => drawingOf(graph, runs.runs));

  test("have a cluster a kernel, every node once, and edges between nodes that are there", () => {
    all.forEach(({ runs }, i) => {
      const { clusters, ports, edges } = drawings[i] as (typeof drawings)[number];
      const names = clusters.map(({ title }) => title.split(" ").at(-1));
      const drawn = runs.runs.filter(({ kind }) => kind !== "widen"); // a copy of an output, no node
      expect(new Set(names)).toEqual(new Set(drawn.map(({ name }) => name)));
      const keys = [...ports, ...clusters.flatMap(({ nodes }) => nodes)].map(({ key }) => key);
      expect(new Set(keys).size).toBe(keys.length);
      for (const key of edges.flat()) expect(keys).toContain(key);
      expect(new Set(edges.flat())).toEqual(new Set(keys));
    });
  });

  test("are well-formed in both languages, whatever a name holds", () => {
    const odd = { key: "n9", lines: ['a "b" \\ [c] {d} <e> #f;'] };
    for (const drawing of drawings) {
      const more = { ...drawing, ports: [...drawing.ports, odd] };
      const chart = mermaid(more);
      for (const line of chart.trimEnd().split("\n"))
        expect(line).toMatch(
          /^(flowchart TD| {2}subgraph k\d+\["[\w .,:#;-]+"\]| {2}end| {2,4}[no]\d+(\[|\(\[)"[\w .,:#;<>-]+"(\]|\]\))| {2}n\d+ --> [no]\d+)$/,
        );
      expect(chart.match(/^ {2}subgraph/gm)?.length).toBe(chart.match(/^ {2}end$/gm)?.length);
      const graphviz = dot(more);
      const bare = graphviz.replaceAll(/"(?:[^"\\\n]|\\.)*"/g, '""');
      expect(bare.match(/\{/g)?.length).toBe(bare.match(/\}/g)?.length);
      for (const line of bare.trimEnd().split("\n").slice(4))
        expect(line).toMatch(
          /^(\}| {2}\}| {2}subgraph cluster_k\d+ \{| {4}label=""| {2,4}[no]\d+ \[label=""(, shape=oval)?\]| {2}n\d+ -> [no]\d+)$/,
        );
    }
  });
});
