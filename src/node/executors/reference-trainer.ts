import { differentiated } from "../../compile.ts";
import { ok } from "../../diagnostics/diagnostic.ts";
import { invariant } from "../../diagnostics/invariant.ts";
import { evaluate, type Values, widen } from "../../graph/evaluate.ts";
import { gradientName } from "../../passes/differentiate.ts";
import { optimizer, type ParameterState } from "../../training/optimizer.ts";
import type { Elements, OpenTrainer, StateKind } from "./trainer.ts";

/** The interpreter and AdamW, all in float64: what all other trainers are compared with. */
export const referenceTrainer: OpenTrainer = async ({ model, recipe, params, start }) => {
  const names = new Set(params.map(({ name }) => name));
  const built = differentiated(model, [], { dropPath: recipe.dropPath > 0, wanted: name => names.has(name) });
  if (!built.ok) return built;
  const states = new Map<string, ParameterState>();
  for (const { name } of params) {
    const param = Float64Array.from((await start("param", name)) ?? []);
    const given = async (kind: StateKind, otherwise: Elements) =>
      Float64Array.from((await start(kind, name)) ?? otherwise);
    const none = new Float64Array(param.length);
    states.set(name, {
      param,
      expAvg: await given("exp_avg", none),
      expAvgSq: await given("exp_avg_sq", none),
      ema: recipe.ema === null ? null : await given("ema", param),
    });
  }
  const { accumulate, update } = optimizer(params, recipe, states);
  const graph = built.value;
  return ok({
    on: "the float64 reference",
    async accumulate(inputs, share) {
      const values = new Map<string, Values>();
      for (const { name, shape } of params) values.set(name, { shape, data: stateOf(states, name).param });
      for (const [name, { shape, data }] of inputs) values.set(name, widen(shape, data));
      const results = evaluate(graph, values);
      const gradient = (name: string) => results.get(gradientName(name))?.data ?? [];
      accumulate(new Map(params.map(({ name }) => [name, gradient(name)])), share);
      return results.get("loss")?.data[0] ?? Number.NaN;
    },
    update: async request => update(request),
    async read(kind, name) {
      const values = fields[kind](stateOf(states, name));
      invariant(values !== null, `there is no ${kind} of '${name}'`);
      return values;
    },
    close: async () => {},
  });
};

const fields: { readonly [K in StateKind]: (state: ParameterState) => Float64Array | null } = {
  param: ({ param }) => param,
  exp_avg: ({ expAvg }) => expAvg,
  exp_avg_sq: ({ expAvgSq }) => expAvgSq,
  ema: ({ ema }) => ema,
};

function stateOf(states: ReadonlyMap<string, ParameterState>, name: string): ParameterState {
  const state = states.get(name);
  invariant(state !== undefined, `no parameter '${name}' is learned`);
  return state;
}
