import { invariant } from "../../diagnostics/invariant.ts";
import { type Graph, type Node, nodeOf, operand, type ValueId } from "../../graph/graph.ts";
import type { OpName } from "../../graph/ops.ts";
import type { FoldOp, FoldStep, KernelParams } from "../kernels.ts";

/** What a weight-only op does in front of a layer's weight, and in front of its bias. */
const weightSteps: { readonly [op in OpName]?: FoldOp } = { scaleInputs: "scaleInputs", scaleOutputs: "scaleOutputs" };
const biasSteps: { readonly [op in OpName]?: FoldOp } = { scaleOutputs: "scaleBias", biasThrough: "biasThrough" };

/** How a weight is turned for gradients to come back through it. */
const turns: { readonly [op in OpName]?: NonNullable<KernelParams["pack"]["turned"]> } = {
  transpose: "transposed",
  flipKernel: "flipped",
};

/** What the packing reads a vector as, after what is done by it first. */
const roles: Readonly<Record<FoldOp, string>> = {
  scaleInputs: "input_scale",
  scaleOutputs: "output_scale",
  scaleBias: "output_scale",
  biasThrough: "input_shift",
};

/** The weight-only nodes in front of a layer as the program that they are, and the parameters it reads, by role. */
export function folding(graph: Graph, weight: ValueId, bias: ValueId) {
  const turned = turns[nodeOf(graph, weight).op];
  const whole = turned === undefined ? weight : operand(nodeOf(graph, weight), 0);
  const program = turned
    ? weightProgram(graph, nodeOf(graph, whole))
    : programOf(graph, nodeOf(graph, weight), nodeOf(graph, bias));
  const named = new Map<ValueId, string>();
  for (const { op, by } of program.steps) {
    if (named.has(by)) continue;
    const others = [...named.values()].filter(role => role.startsWith(roles[op])).length;
    named.set(by, others === 0 ? roles[op] : `${roles[op]}_${others + 1}`);
  }
  return {
    turned,
    bare: program.bias === null,
    /** The weight's shape in its layer, in which it is turned. */
    shape: nodeOf(graph, whole).type.shape,
    fold: program.steps.map(({ op, by }): FoldStep => ({ op, by: named.get(by) ?? by })),
    reads: {
      weight: program.weight,
      ...(program.bias === null ? {} : { bias: program.bias }),
      ...Object.fromEntries([...named].map(([value, role]) => [role, value])),
    },
  };
}

/** A weight without what it is reshaped by: packings say themselves which shape they read it in. */
const unshaped = (graph: Graph, weight: Node): Node =>
  weight.op === "reshape" ? nodeOf(graph, operand(weight, 0)) : weight;

interface Program {
  /** Of the checkpoint, which the steps begin with. */
  readonly weight: ValueId;
  /** Null for a layer that has none. */
  readonly bias: ValueId | null;
  readonly steps: readonly { readonly op: FoldOp; readonly by: ValueId }[];
}

/**
 * The steps that leave a weight and a bias. The last is the bias's, except where that goes through a weight of which this
 * one is made: then it is the weight's. So each `biasThrough` meets the weight that the graph says. A pass folds through
 * the weight that it finds or leaves, hence a bias never goes back to one before.
 */
function programOf(graph: Graph, weight: Node, bias: Node): Program {
  const through = bias.op === "biasThrough" ? operand(bias, 1) : weight.id;
  const ofBias = through === weight.id ? biasSteps[bias.op] : undefined;
  const ofWeight = weightSteps[weight.op];
  const before = (node: Node): Node => nodeOf(graph, operand(node, 0));
  const then = ({ steps, ...from }: Program, op: FoldOp, { inputs }: Node): Program => {
    return { ...from, steps: [...steps, { op, by: inputs.at(-1) ?? "" }] };
  };
  if (ofBias) return then(programOf(graph, weight, before(bias)), ofBias, bias);
  if (ofWeight) return then(programOf(graph, before(weight), bias), ofWeight, weight);
  invariant(through === weight.id, `'${bias.id}' goes through '${through}', which its layer's weight is not made of`);
  const bare = bias.op === "constant" && bias.attrs.value === 0;
  const source = unshaped(graph, weight);
  invariant(source.op === "param" && (bare || bias.op === "param"), `no kernel packs '${weight.id}' and '${bias.id}'`);
  return { weight: source.id, bias: bare ? null : bias.id, steps: [] };
}

/** The steps that leave a weight alone, of a layer without a bias. */
function weightProgram(graph: Graph, weight: Node): Program {
  const op = weightSteps[weight.op];
  // The same weight under another shape.
  if (weight.op === "reshape") return weightProgram(graph, nodeOf(graph, operand(weight, 0)));
  if (op === undefined) {
    const source = unshaped(graph, weight);
    invariant(source.op === "param", `no kernel packs '${weight.id}'`);
    return { weight: source.id, bias: null, steps: [] };
  }
  const { steps, ...from } = weightProgram(graph, nodeOf(graph, operand(weight, 0)));
  return { ...from, steps: [...steps, { op, by: operand(weight, 1) }] };
}
