import { invariant } from "../diagnostics/invariant.ts";
import { type Graph, nodeOf, operand, type ValueId } from "../graph/graph.ts";

/** How a layer's weight and bias come from the checkpoint: (w·diag(γ), (b + w·β)), rows of both times `rowScale`. */
export interface WeightTransform {
  readonly weight: ValueId;
  readonly bias: ValueId;
  readonly gamma: ValueId | null;
  readonly beta: ValueId | null;
  readonly rowScale: ValueId | null;
}

/** Reads the weight-only nodes that the folding passes leave in front of a layer back into one formula. */
export function weightTransform(graph: Graph, weightId: ValueId, biasId: ValueId): WeightTransform {
  const at = (id: ValueId) => nodeOf(graph, id);
  let [weight, bias] = [at(weightId), at(biasId)];
  let rowScale: ValueId | null = null;
  if (weight.op === "scaleOutputs") {
    rowScale = operand(weight, 1);
    invariant(
      bias.op === "scaleOutputs" && operand(bias, 1) === rowScale,
      `'${biasId}' is not scaled as its weight is`,
    );
    [weight, bias] = [at(operand(weight, 0)), at(operand(bias, 0))];
  }
  let gamma: ValueId | null = null;
  if (weight.op === "scaleInputs") {
    gamma = operand(weight, 1);
    weight = at(operand(weight, 0));
  }
  let beta: ValueId | null = null;
  if (bias.op === "biasThrough") {
    beta = operand(bias, 2);
    invariant(operand(bias, 1) === weight.id, `'${biasId}' goes through another weight than '${weight.id}'`);
    bias = at(operand(bias, 0));
  }
  invariant(weight.op === "param" && bias.op === "param", `'${weightId}' is folded in a way no kernel packs`);
  return { weight: weight.id, bias: bias.id, gamma, beta, rowScale };
}
