import { explainStages, type Fusion, fusions } from "../explain.ts";
import type { Graph, ValueId } from "../graph/graph.ts";
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
  const plain = (graph: Graph, id: ValueId): string => {
    const node = graph.nodes.get(id);
    return node === undefined ? "" : printNode(node, undefined);
  };
  const kept = [...after.nodes.keys()].filter(id => before.nodes.has(id));
  const rewired = kept.filter(id => plain(before, id) !== plain(after, id));
  const only = (graph: Graph, other: Graph): Lines =>
    linesOf([...graph.nodes.keys()].flatMap(id => (other.nodes.has(id) ? [] : [{ id, text: plain(graph, id) }])));
  return {
    pass: pass.name,
    summary: pass.summary,
    reasons: pass.name === compactSites.name ? explainStages(before, after) : [],
    added: only(after, before),
    removed: only(before, after),
    rewired: linesOf(rewired.map(id => ({ id, text: `${plain(before, id)}\n${plain(after, id)}` }))),
    grouped: linesOf(grown.map(({ anchor, members }) => ({ id: anchor, text: groupText(anchor, members) }))),
    saved: savedBy(now) - savedBy([...known.values()]),
    after: graphLines(after),
  };
}

/** A graph as text, equal blocks folded. */
export const graphLines = (graph: Graph): Lines =>
  linesOf([...graph.nodes.values()].map(node => ({ id: node.id, text: printNode(node, graph.groups.get(node.id)) })));

const linesOf = (lines: readonly ValueLine[]): Lines => ({ count: lines.length, lines: foldLines(lines) });

const savedBy = (list: readonly Fusion[]): number => list.reduce((sum, { saved }) => sum + saved, 0);

const groupText = (anchor: ValueId, members: readonly ValueId[]): string =>
  `in %${anchor}: ${members.map(id => `%${id}`).join(" + ")}`;
