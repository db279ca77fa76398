import { explainStages, type Fusion, fusions } from "../explain.ts";
import { type Graph, type Node, nodeOf, type ValueId } from "../graph/graph.ts";
import { printNode } from "../graph/print.ts";
import { compactSites } from "../passes/compact-sites.ts";
import type { Pass } from "../passes/pass.ts";
import { type FoldedLine, foldLines, type ValueLine } from "./fold.ts";

/** What one pass made of the graph. Lines of equal blocks are folded. */
export interface Change {
  readonly pass: string;
  /** What the pass is for, one sentence. */
  readonly summary: string;
  /** Why it did so, where it had a choice. */
  readonly reasons: readonly string[];
  readonly added: Lines;
  readonly removed: Lines;
  /** Nodes of the same name that compute something else or from something else, before and after. */
  readonly rewired: Lines;
  /** Kernels that took in more nodes. */
  readonly grouped: Lines;
  /** Bytes an image that no longer leave a kernel, counted as of f32. */
  readonly saved: number;
  /** The whole graph afterwards. */
  readonly after: Lines;
}

export interface Lines {
  /** How many there are, unfolded. */
  readonly count: number;
  readonly lines: readonly FoldedLine[];
}

export function changeOf(pass: Pass, before: Graph, after: Graph): Change {
  const known = new Map(fusions(before).map(fusion => [fusion.anchor, fusion]));
  const now = fusions(after);
  const grown = now.filter(({ anchor, members }) => known.get(anchor)?.members.length !== members.length);
  const only = (graph: Graph, other: Graph): Lines =>
    linesOf(
      [...graph.nodes.values()].filter(({ id }) => !other.nodes.has(id)).map(node => nodeLine(node)),
      graph,
    );
  const rewired = [...after.nodes.values()].flatMap((node): readonly ValueLine[] => {
    const old = before.nodes.get(node.id);
    if (old === undefined || printNode(old, undefined) === printNode(node, undefined)) return [];
    const text: ValueLine["text"] = name => [old, node].map(each => nodeLine(each).text(name)).join("\n");
    return [{ scope: node.scope, text }];
  });
  return {
    pass: pass.name,
    summary: pass.summary,
    reasons: pass.name === compactSites.name ? explainStages(before, after) : [],
    added: only(after, before),
    removed: only(before, after),
    rewired: linesOf(rewired, before, after),
    grouped: linesOf(
      grown.map(fusion => groupLine(fusion, after)),
      after,
    ),
    saved: savedBy(now) - savedBy([...known.values()]),
    after: graphLines(after),
  };
}

/** A graph as text, equal blocks folded. */
export const graphLines = (graph: Graph): Lines =>
  linesOf(
    [...graph.nodes.values()].map(node => nodeLine(node, graph.groups.get(node.id))),
    graph,
  );

/** The lines about values of these graphs. */
const linesOf = (lines: readonly ValueLine[], ...graphs: readonly Graph[]): Lines => ({
  count: lines.length,
  lines: foldLines(lines, id => graphs.find(({ nodes }) => nodes.has(id))?.nodes.get(id)?.scope),
});

const nodeLine = (node: Node, group?: ValueId): ValueLine => ({
  scope: node.scope,
  text: name => printNode(node, group, name),
});

const savedBy = (list: readonly Fusion[]): number => list.reduce((sum, { saved }) => sum + saved, 0);

const groupLine = ({ anchor, members }: Fusion, graph: Graph): ValueLine => ({
  scope: nodeOf(graph, anchor).scope,
  text: name => `in %${name(anchor)}: ${members.map(id => `%${name(id)}`).join(" + ")}`,
});
