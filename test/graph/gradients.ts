import { readdirSync } from "node:fs";
import { expect } from "vitest";
import { build } from "../../src/graph/build.ts";
import { evaluate, type Values, widen } from "../../src/graph/evaluate.ts";
import { type Graph, type Node, resolve, type ValueId } from "../../src/graph/graph.ts";
import type { Model } from "../../src/model/model.ts";
import { foldingPasses, gradientPasses } from "../../src/passes/all.ts";
import { compactLoss } from "../../src/passes/compact-loss.ts";
import { compactSitesAs } from "../../src/passes/compact-sites.ts";
import { type Pass, runPasses } from "../../src/passes/pass.ts";
import { rematerialise } from "../../src/passes/rematerialise.ts";
import { splitGrn } from "../../src/passes/split-grn.ts";
import type { Weights } from "../../src/weights/tensor.ts";
import { expectGradients, float64, type GradientGolden } from "../support/gradients.ts";

/** Parameters and the image. */
export const isLearned = ({ op, id }: Node): boolean => op === "param" || id === "pixel_values";

/** The network as it is built, and as kernels have it. */
export const forms: Readonly<Record<"plain" | "folded", readonly Pass[]>> = {
  plain: [splitGrn, ...gradientPasses(isLearned)],
  folded: [compactSitesAs("compact"), ...foldingPasses, compactLoss, ...gradientPasses(isLearned), rematerialise],
};

/** A model's graph with its gradients. */
export function learningGraph(model: Model, passes: readonly Pass[], dropPath = false): Graph {
  const built = build(model, [], { dropPath });
  if (!built.ok) throw new Error("the model does not build");
  return runPasses(built.value, passes);
}

/** The inputs, and the parameters of the graph from their weights. */
export async function withParams(
  graph: Graph,
  weights: Weights,
  inputs: ReadonlyMap<ValueId, Values>,
): Promise<Map<ValueId, Values>> {
  const values = new Map(inputs);
  for (const { op, id, type } of graph.nodes.values())
    if (op === "param") values.set(id, widen(resolve(type.shape, 1), await weights.f32(id)));
  return values;
}

export interface Recording {
  readonly golden: GradientGolden;
  readonly model: Model;
  readonly weights: Weights;
  readonly inputs: ReadonlyMap<ValueId, Values>;
}

/** The interpreter gives PyTorch's loss and gradients. */
export async function checkGradients({ golden, model, weights, inputs }: Recording, form: keyof typeof forms) {
  const graph = learningGraph(model, forms[form]);
  const found = evaluate(graph, await withParams(graph, weights, inputs));
  const gradient = (name: string): Values => found.get(`grad.${name}`) as Values;
  expect(Math.abs((found.get("loss")?.data[0] ?? 0) / golden.loss - 1)).toBeLessThan(float64.loss);
  expectGradients(golden, gradient, float64);
  const params = [...graph.nodes.values()].filter(({ op }) => op === "param");
  const squares = params.reduce((sum, { id }) => gradient(id).data.reduce((s, v) => s + v * v, sum), 0);
  expect(Math.abs(Math.sqrt(squares) / golden.grad_l2 - 1)).toBeLessThan(float64.l2);
  expect(params.length).toBe(Object.keys(golden.grads).filter(key => key !== "input").length);
}

/** Files of a kind, without their extension. */
export const goldenFiles = (kind: string): readonly string[] =>
  readdirSync(new URL(`../golden/${kind}`, import.meta.url)).map(file => file.replace(".json", ""));
