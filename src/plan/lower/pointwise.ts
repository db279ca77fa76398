import { invariant } from "../../diagnostics/invariant.ts";
import {
  channels,
  elements,
  type Graph,
  isBatched,
  type Node,
  nodeOf,
  operand,
  type ValueId,
} from "../../graph/graph.ts";
import type { GeluApproximation } from "../../graph/ops.ts";
import type { ElementwiseOp, KernelParams, PointwiseOp, PointwiseRead } from "../kernels.ts";
import { attr, type Calls, call, type FusionGroup, type Lowering, pooledAs } from "./lowering.ts";
import { weightwise } from "./weightwise.ts";

// What is made value by value: an op by itself, or several in a kernel.

const geluOps = { erf: "gelu", tanh: "gelu-tanh", silu: "silu", relu: "relu" } as const satisfies Readonly<
  Record<GeluApproximation, ElementwiseOp>
>;

const several =
  (alone: Lowering): Lowering =>
  (group, graph, tuning) =>
    group.members.length > 1 ? pointwise(group, graph) : alone(group, graph, tuning);

export const pointwiseLowerings = {
  gelu: several(({ anchor }) => elementwise(anchor, geluOps[attr(anchor, "gelu").form], {})),
  geluGrad: (group, graph) => pointwise(group, graph),
  shiftChannels: several(({ anchor }) => elementwise(anchor, "shift", { vector: operand(anchor, 1) })),
  scaleChannels: several(({ anchor }, graph) => scaleChannels(anchor, graph)),
  add: (group, graph) => {
    const { anchor, members } = group;
    if (!isBatched(anchor.type)) return weightwise(group, graph);
    if (members.length > 1) return pointwise(group, graph);
    // What is laid out as the caller has it is f32 as well.
    const foreign = anchor.inputs.some(id => nodeOf(graph, id).op === "toChannelsFirst");
    return elementwise(anchor, "add", { other: operand(anchor, 1) }, foreign ? { pooled: true } : {});
  },
} as const satisfies Readonly<Record<string, Lowering>>;

/** By GRN's factors, of which every image has its own, or by a parameter. */
function scaleChannels(node: Node, graph: Graph): Calls {
  const vector = operand(node, 1);
  const { per, close } = vectorOf(nodeOf(graph, vector));
  return elementwise(node, per === "channel" ? "scale" : "scale-each", { vector }, close ? { close } : {});
}

function elementwise(
  node: Node,
  op: KernelParams["elementwise"]["op"],
  more: Readonly<Record<string, ValueId>>,
  form: Pick<KernelParams["elementwise"], "close" | "pooled"> = {},
): Calls {
  const params = { op, ...pooledAs(node), length: elements(node.type), channels: channels(node.type), ...form };
  const reads = { input: operand(node, 0), ...more };
  return { setup: [], steps: [call(node, "elementwise", params, reads, { output: node.id })] };
}

/** A channel's own value: of a parameter, or of an image. GRN's factors are each image's even where all have the same. */
function vectorOf({ op, type }: Node): Omit<PointwiseRead, "role" | "name"> {
  if (op === "grnScale") return { per: "channel of an image" };
  return isBatched(type) ? { per: "channel of an image", close: true } : { per: "channel" };
}

/** All members of a group, in order, each on what is read or what another has made. */
function pointwise({ anchor, members }: FusionGroup, graph: Graph): Calls {
  const names = new Map<ValueId, string>();
  const reads: PointwiseRead[] = [];
  const values: Record<string, ValueId> = {};
  const nameOf = (id: ValueId, of: Omit<PointwiseRead, "role" | "name">): string => {
    const known = names.get(id);
    if (known !== undefined) return known;
    const [what, letter] = of.per === "value" ? ["input", "x"] : ["vector", "s"];
    const [role, name] = [`${what}${reads.length + 1}`, `${letter}${reads.length + 1}`];
    reads.push({ role, name, ...of });
    values[role] = id;
    names.set(id, name);
    return name;
  };
  const ops = members.map((node, index): PointwiseOp => {
    const by = node.op === "scaleChannels" || node.op === "shiftChannels";
    const args = node.inputs.map((id, at) =>
      nameOf(id, by && at === 1 ? vectorOf(nodeOf(graph, id)) : { per: "value" }),
    );
    names.set(node.id, `v${index + 1}`);
    return { op: pointwiseOp(node), args };
  });
  const params = { ...pooledAs(anchor), length: elements(anchor.type), channels: channels(anchor.type), reads, ops };
  return { setup: [], steps: [call(anchor, "pointwise", params, values, { output: anchor.id })] };
}

function pointwiseOp(node: Node): PointwiseOp["op"] {
  if (node.op === "gelu") return geluOps[node.attrs.form];
  if (node.op === "geluGrad") return `${geluOps[node.attrs.form]}-grad`;
  if (node.op === "scaleChannels") return "multiply";
  invariant(node.op === "add" || node.op === "shiftChannels", `'${node.id}' is not made value by value`);
  return "add";
}
