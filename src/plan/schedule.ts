import { invariant } from "../diagnostics/invariant.ts";
import { constants, type Graph, type Node, nodeOf, operand, readers, type ValueId } from "../graph/graph.ts";
import type { OpName } from "../graph/ops.ts";
import type { Batch } from "../model/model.ts";
import { lowerings } from "./lower/lower.ts";
import type { Calls, FusionGroup } from "./lower/lowering.ts";
import type { KernelCall, Port } from "./plan.ts";
import { inputPorts, outputPorts } from "./ports.ts";
import type { TuningProfile } from "./tiles/tuning-profiles.ts";

/** Kernels in order, before any of them has sizes or its values have places: what passes of a target rewrite. */
export interface Schedule extends Calls {
  readonly graph: Graph;
  readonly batch: Batch;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

/** Graph to kernels: one kernel a fusion group, with tiles from shapes and the tuning profile. */
export function schedule(graph: Graph, batch: Batch, tuning: TuningProfile): Schedule {
  const read = { ...graph, readers: readers(graph) };
  const lowered = fusionGroups(graph).map(group => {
    const lowering = lowerings[group.anchor.op];
    invariant(lowering, `no kernel computes '${group.anchor.id}' alone`);
    return inItsShape(lowering(group, read, tuning), group);
  });
  return {
    graph,
    batch,
    inputs: inputPorts(graph),
    outputs: outputPorts(graph),
    setup: lowered.flatMap(({ setup }) => setup),
    steps: lowered.flatMap(({ steps }) => steps),
  };
}

/** What a group makes is the value that a reshape in it gives: the same elements under another name. */
function inItsShape({ setup, steps }: Calls, { anchor, members }: FusionGroup): Calls {
  const names = new Map(
    members.flatMap(node => (node.op === "reshape" && node !== anchor ? [[operand(node, 0), node.id]] : [])),
  );
  if (names.size === 0) return { setup, steps };
  const named = (values: KernelCall["reads"]) =>
    Object.fromEntries(Object.entries(values).map(([role, value]) => [role, names.get(value) ?? value]));
  const renamed = (call: KernelCall): KernelCall =>
    ({ ...call, reads: named(call.reads), writes: named(call.writes) }) as KernelCall;
  return { setup, steps: steps.map(renamed) };
}

const leaves: ReadonlySet<OpName> = new Set(["input", "param"]);

/** Whose operands but the first are packed by the setup. */
const layers: ReadonlySet<OpName> = new Set(["linear", "patchConv", "depthwise", "siteDepthwise"]);

/**
 * What depends on parameters alone and no step computes: layers have it packed. What else reads such a value, as gradients
 * of what was folded do, finds it computed.
 */
function packedOnly(graph: Graph): ReadonlySet<ValueId> {
  const found = new Set(constants(graph));
  for (const node of [...graph.nodes.values()].reverse()) {
    if (found.has(node.id)) continue;
    const read = layers.has(node.op) ? node.inputs.slice(0, 1) : node.inputs;
    for (const id of read)
      if (!leaves.has(nodeOf(graph, id).op) && nodeOf(graph, id).op !== "constant") found.delete(id);
  }
  return found;
}

/**
 * Groups in an order in which each finds its operands ready: by their last member, since everything a group reads from
 * another was defined before that.
 */
function fusionGroups(graph: Graph): readonly FusionGroup[] {
  const constant = packedOnly(graph);
  const members = new Map<ValueId, Node[]>();
  for (const node of graph.nodes.values()) {
    if (leaves.has(node.op) || constant.has(node.id)) continue;
    const anchor = graph.groups.get(node.id) ?? node.id;
    const group = members.get(anchor) ?? [];
    members.delete(anchor); // set again: the order of insertion becomes that of the last members
    members.set(anchor, [...group, node]);
  }
  const done = new Set<ValueId>();
  return [...members].map(([anchor, nodes]) => {
    for (const node of nodes) done.add(node.id);
    const outside = nodes
      .flatMap(node => node.inputs)
      .filter(id => !constant.has(id) && !leaves.has(nodeOf(graph, id).op));
    for (const id of outside) invariant(done.has(id), `the kernel of '${anchor}' needs '${id}', which comes later`);
    return { anchor: nodeOf(graph, anchor), members: nodes };
  });
}
