import { differentiated } from "../../compile.ts";
import { ok } from "../../diagnostics/diagnostic.ts";
import { build } from "../../graph/build.ts";
import { evaluate, type Values, widen } from "../../graph/evaluate.ts";
import { resolve } from "../../graph/graph.ts";
import type { Executor } from "./executor.ts";

/** The interpreter: float64, one plain loop after another; what all other executors are compared with. */
export const reference: Executor = async ({ model, batch, taps, learning = null, weights, inputs }) => {
  const built = learning === null ? build(model, taps) : differentiated(model, taps, learning);
  if (!built.ok) return built;
  const values = new Map<string, Values>();
  for (const node of built.value.nodes.values()) {
    const given = inputs.get(node.id);
    if (node.op === "param") values.set(node.id, widen(resolve(node.type.shape, batch), await weights.f32(node.id)));
    if (node.op === "input" && given) values.set(node.id, widen(given.shape, given.data));
  }
  const start = performance.now();
  const results = evaluate(built.value, values);
  const milliseconds = performance.now() - start;
  const outputs = new Map(
    [...results].map(([name, { shape, data }]) => [name, { shape, data: Float32Array.from(data) }]),
  );
  return ok({ outputs, on: "the float64 reference", milliseconds });
};
