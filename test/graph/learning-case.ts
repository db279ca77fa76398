import { build } from "../../src/graph/build.ts";
import type { Values } from "../../src/graph/evaluate.ts";
import { resolve, type ValueId } from "../../src/graph/graph.ts";
import { choices } from "../../src/model/choices.ts";
import { drawInputs } from "../../src/node/inputs/tensors.ts";
import { runPasses } from "../../src/passes/pass.ts";
import { testWeights } from "../support/models.ts";
import { must } from "../syntax/support.ts";
import { forms, withParams } from "./gradients.ts";
import type { Learner } from "./random-learners.ts";

/** Numbers of the size of one, of which no two are alike, in float32. */
function drawn(shape: readonly number[], seed: number, value: (u: number) => number = u => 2 * u - 1): Values {
  const { int } = choices(seed);
  const count = shape.reduce((a, b) => a * b, 1);
  const data = Float64Array.from({ length: count }, () => Math.fround(value(int(0, 1_000_000) / 1_000_000)));
  return { shape, data };
}

/** A random model with all that its gradients take: images, masks, soft targets, factors of its blocks, seeds of its outputs. */
export async function learningCase({ model, batch, dropPath, seed }: Omit<Learner, "sites" | "tiles">) {
  const network = must(build(model, [], { dropPath }));
  const graphs = {
    plain: runPasses(network, forms.plain),
    folded: runPasses(network, forms.folded),
  };
  const inputs = new Map<ValueId, Values>();
  for (const [name, { shape, data }] of drawInputs(model, batch, seed))
    inputs.set(name, { shape, data: Float64Array.from(data) });
  for (const { op, id, type } of Object.values(graphs).flatMap(graph => [...graph.nodes.values()])) {
    if (op !== "input" || inputs.has(id)) continue;
    const factor = (u: number): number => (u < 0.3 ? 0 : 1 / 0.7);
    const value = id === "keep" ? factor : id === "targets" ? (u: number): number => u : undefined;
    inputs.set(id, drawn(resolve(type.shape, batch), seed, value));
  }
  return {
    network,
    graphs,
    // Levels that nobody asks for have parameters all the same, without gradients.
    learned: graphs.plain.outputs.flatMap(({ name }) => (name.startsWith("grad.") ? [name.slice("grad.".length)] : [])),
    values: await withParams(network, testWeights(network, seed), inputs),
  };
}
