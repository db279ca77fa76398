import { elements, type Graph, isBatched, readers, type ValueId } from "./graph/graph.ts";
import { compactSites } from "./passes/compact-sites.ts";
import type { Pass } from "./passes/pass.ts";
import { stageCosts, stageOf } from "./passes/site-layout.ts";

/** What one kernel takes together, and what that saves. */
export interface Fusion {
  readonly anchor: ValueId;
  readonly members: readonly ValueId[];
  /** Bytes an image that are neither written nor read back, because only the kernel itself needs them. */
  readonly saved: number;
}

/** Fusions are counted as of f32, whatever the storage will be. */
const f32Bytes = 4;

/** Every group of a graph with the bytes that stay in registers. */
export function fusions(graph: Graph): readonly Fusion[] {
  const members = new Map([...graph.groups.values()].map((anchor): [ValueId, ValueId[]] => [anchor, []]));
  for (const id of graph.nodes.keys()) members.get(graph.groups.get(id) ?? "")?.push(id);
  const read = readers(graph);
  const outputs = new Set(graph.outputs.map(output => output.value));
  const saved = (id: ValueId, anchor: ValueId): number => {
    const node = graph.nodes.get(id);
    const inside = read.get(id)?.every(reader => graph.groups.get(reader.id) === anchor) ?? false;
    if (!node || outputs.has(id) || !inside || !isBatched(node.type)) return 0;
    return 2 * f32Bytes * elements(node.type);
  };
  return [...members].map(([anchor, ids]) => ({
    anchor,
    members: ids,
    saved: ids.reduce((sum, id) => sum + saved(id, anchor), 0),
  }));
}

/** What a pass did, for people: the nodes it rewrote, or the groups it made and the bytes they save. */
export function explainPass(pass: Pass, before: Graph, after: Graph): readonly string[] {
  const known = new Map(fusions(before).map(fusion => [fusion.anchor, fusion]));
  const grown = fusions(after).filter(({ anchor, members }) => known.get(anchor)?.members.length !== members.length);
  const made = [...after.nodes.keys()].filter(id => !before.nodes.has(id));
  const gained = total(fusions(after)) - total([...known.values()]);
  const changed = made.length > 0 ? [`${made.length} new values, such as ${made[0]}`] : [];
  const grouped =
    grown.length > 0 ? [`${grown.length} kernels grew, ${megabytes(gained)} MB an image stay in registers`] : [];
  const stages = pass.name === compactSites.name ? explainStages(before, after).map(line => `  ${line}`) : [];
  const head = [`${pass.name}: ${[...changed, ...grouped].join("; ") || "nothing to do"}`];
  return [
    ...head,
    ...stages,
    ...grown.map(({ anchor, members, saved }) => `  ${anchor}: ${members.join(" + ")} (${megabytes(saved)} MB)`),
  ];
}

/** Why the stages of a masked encoder are computed as they are. */
export function explainStages(before: Graph, after: Graph): readonly string[] {
  const masked = new Set([...after.nodes.values()].flatMap(node => (node.op === "maskSites" ? [stageOf(node)] : [])));
  return stageCosts(before).map(
    ({ stage, sites, kept, compact, masked: whole }) =>
      `stage of ${stage} rows: ${masked.has(stage) ? "masked" : "compact"}, ${kept} of ${sites} sites are kept; ` +
      `compact is worth ${millions(compact)} M multiply-adds an image, masked ${millions(whole)} M`,
  );
}

const millions = (n: number): string => (n / 1e6).toFixed(1);
const total = (list: readonly Fusion[]): number => list.reduce((sum, { saved }) => sum + saved, 0);
const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(2);
