import { invariant } from "../../diagnostics/invariant.ts";
import { apply, type Values, widen } from "../../graph/evaluate.ts";
import { type Graph, nodeOf, resolve, type ValueId } from "../../graph/graph.ts";
import { elements, type Weights } from "../../weights/tensor.ts";

/** A parameter, or what a pass has folded from parameters, in float64. */
export type ReadConstant = (id: ValueId) => Promise<Values>;

/** Reads and folds one constant when it is asked for and keeps nothing, so that the largest model needs one tensor. */
export function constantsOf(graph: Graph, weights: Weights): ReadConstant {
  const read: ReadConstant = async id => {
    const node = nodeOf(graph, id);
    if (node.op === "param") {
      const shape = resolve(node.type.shape, 0);
      const data = await weights.f32(id);
      invariant(data.length === elements(shape), `'${id}' has ${data.length} values, not ${elements(shape)}`);
      return widen(shape, data);
    }
    const operands: Values[] = [];
    for (const input of node.inputs) operands.push(await read(input));
    return apply(node, operands);
  };
  return read;
}
