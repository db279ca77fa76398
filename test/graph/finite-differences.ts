import { expect } from "vitest";
import { build } from "../../src/graph/build.ts";
import { evaluate, type Values } from "../../src/graph/evaluate.ts";
import { type Graph, resolve, type ValueId } from "../../src/graph/graph.ts";
import { choices } from "../../src/model/choices.ts";
import { drawInputs } from "../../src/node/inputs/tensors.ts";
import { runPasses } from "../../src/passes/pass.ts";
import { randomCase } from "../../src/verify/random-model.ts";
import { testWeights } from "../support/models.ts";
import { relL2 } from "../support/tolerance.ts";
import { forms, isLearned, withParams } from "./gradients.ts";

/** Those whose slopes take no time. */
export const quick: readonly number[] = [2, 4, 11, 12, 14, 15, 17, 18, 22, 23];

/** Numbers of the size of one, of which no two are alike. */
function drawn(shape: readonly number[], seed: number, value: (u: number) => number = u => 2 * u - 1): Values {
  const { int } = choices(seed);
  const count = shape.reduce((a, b) => a * b, 1);
  return { shape, data: Float64Array.from({ length: count }, () => value(int(0, 1_000_000) / 1_000_000)) };
}

/** A random model with all that its gradients take: images, masks, soft targets, factors of its blocks, seeds of its outputs. */
export async function learningCase(seed: number) {
  const { model, batch } = randomCase(seed);
  const dropPath = seed % 3 === 0;
  const built = build(model, [], { dropPath });
  if (!built.ok) throw new Error("the model does not build");
  const network: Graph = built.value;
  const graphs = Object.values(forms).map(passes => runPasses(network, passes));
  const inputs = new Map<ValueId, Values>();
  for (const [name, { shape, data }] of drawInputs(model, batch, seed))
    inputs.set(name, { shape, data: Float64Array.from(data) });
  for (const { op, id, type } of graphs.flatMap(graph => [...graph.nodes.values()])) {
    if (op !== "input" || inputs.has(id)) continue;
    const factor = (u: number): number => (u < 0.3 ? 0 : 1 / 0.7);
    inputs.set(
      id,
      drawn(resolve(type.shape, batch), seed, id === "keep" ? factor : id === "targets" ? u => u : undefined),
    );
  }
  return {
    model,
    batch,
    dropPath,
    network,
    graphs,
    values: await withParams(network, testWeights(network, seed), inputs),
  };
}

/** What is differentiated: the loss, or all outputs times their seeds. */
function objective(network: Graph, values: ReadonlyMap<ValueId, Values>): number {
  const outputs = evaluate(network, values);
  const loss = outputs.get("loss");
  if (loss !== undefined) return loss.data[0] as number;
  return [...outputs].reduce((sum, [name, { data }]) => {
    const seed = values.get(`grad.${name}`) as Values;
    return data.reduce((s, v, i) => s + v * (seed.data[i] as number), sum);
  }, 0);
}

/**
 * The gradients of a random model are the slopes that central differences find, along each of them, and what the folds
 * leave of the network has the same.
 */
export async function expectSlopes(seed: number): Promise<void> {
  const { network, graphs, values } = await learningCase(seed);
  const [plain, folded] = graphs.map(graph => evaluate(graph, values)) as [
    ReadonlyMap<string, Values>,
    ReadonlyMap<string, Values>,
  ];
  const learned = [...network.nodes.values()].filter(isLearned);
  const whole = Math.sqrt(learned.reduce((sum, { id }) => sum + squares(plain.get(`grad.${id}`) as Values), 0));
  for (const { id } of learned) {
    const gradient = plain.get(`grad.${id}`) as Values;
    const length = Math.sqrt(squares(gradient));
    const same = folded.get(`grad.${id}`) as Values;
    expect(same.shape, id).toEqual(gradient.shape);
    // What is zero but for rounding has no direction.
    if (length <= 1e-9 * whole) continue;
    expect(relL2(same.data, gradient.data), `${id}, folded`).toBeLessThan(1e-9);
    const at = values.get(id) as Values;
    const step = 1e-5 * Math.sqrt((squares(at) + 1e-6) / at.data.length);
    const along = (by: number): number => {
      const data = at.data.map((v, i) => v + (by * (gradient.data[i] as number)) / length);
      return objective(network, new Map(values).set(id, { shape: at.shape, data }));
    };
    const slope = (8 * (along(step) - along(-step)) - (along(2 * step) - along(-2 * step))) / (12 * step);
    expect(Math.abs(slope / length - 1), `${id}: ${slope} along a gradient of ${length}`).toBeLessThan(1e-5);
  }
}

const squares = ({ data }: Values): number => data.reduce((sum, v) => sum + v * v, 0);
