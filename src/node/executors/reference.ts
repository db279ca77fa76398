import { differentiated } from "../../compile.ts";
import { ok } from "../../diagnostics/diagnostic.ts";
import { build } from "../../graph/build.ts";
import { evaluate, type Values, widen } from "../../graph/evaluate.ts";
import { type Graph, resolve } from "../../graph/graph.ts";
import type { RunTensor } from "../inputs/tensors.ts";
import type { Prepare } from "./executor.ts";
import type { OpenInference } from "./inference.ts";

/** The interpreter: float64, one plain loop after another; what all other executors are compared with. */
export const reference: Prepare = async ({ model, batch, taps, learning = null, weights }, use) => {
  const built = learning === null ? build(model, taps) : differentiated(model, taps, learning);
  if (!built.ok) return built;
  const params = await paramsOf(built.value, name => weights.f32(name), batch);
  return use(async inputs => {
    const values = new Map(params);
    giveInputs(values, built.value, inputs);
    const start = performance.now();
    const outputs = outputsOf(built.value, values);
    return ok({ outputs, on: "the float64 reference", milliseconds: performance.now() - start });
  });
};

/** The same for weights that change. */
export const referenceInference: OpenInference = async ({ model, taps }) => {
  const built = build(model, taps);
  if (!built.ok) return built;
  return ok({
    async load(weights) {
      const params = await paramsOf(built.value, weights, 1);
      return {
        async run(inputs) {
          const values = new Map(params);
          giveInputs(values, built.value, inputs);
          return outputsOf(built.value, values);
        },
        dispose: () => {},
      };
    },
    close: async () => {},
  });
};

async function paramsOf(graph: Graph, weights: (name: string) => Promise<Float32Array>, batch: number) {
  const values = new Map<string, Values>();
  for (const node of graph.nodes.values())
    if (node.op === "param") values.set(node.id, widen(resolve(node.type.shape, batch), await weights(node.id)));
  return values;
}

function giveInputs(values: Map<string, Values>, graph: Graph, inputs: ReadonlyMap<string, RunTensor>): void {
  for (const node of graph.nodes.values()) {
    const given = inputs.get(node.id);
    if (node.op === "input" && given) values.set(node.id, widen(given.shape, given.data));
  }
}

const outputsOf = (graph: Graph, values: ReadonlyMap<string, Values>): ReadonlyMap<string, RunTensor> =>
  new Map(
    [...evaluate(graph, values)].map(([name, { shape, data }]) => [name, { shape, data: Float32Array.from(data) }]),
  );
