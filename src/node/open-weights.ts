import { type Diagnostic, ok, type Result } from "../diagnostics/diagnostic.ts";
import { build } from "../graph/build.ts";
import { resolve } from "../graph/graph.ts";
import type { Model } from "../model/model.ts";
import { bindWeights } from "../weights/bind.ts";
import { randomSeed, randomWeights } from "../weights/random.ts";
import { readSafetensors } from "../weights/safetensors.ts";
import type { Param, Weights } from "../weights/tensor.ts";
import { openSource } from "./byte-source.ts";
import { catchingFailures } from "./failure.ts";

/** Parameters of a model, under their official names. */
export function paramsOf(model: Model): Result<readonly Param[]> {
  const graph = build(model);
  if (!graph.ok) return graph;
  const params = [...graph.value.nodes.values()].filter(node => node.op === "param");
  return ok(params.map(node => ({ name: node.id, shape: resolve(node.type.shape, 1) })));
}

/**
 * What `--weights` names: a safetensors file in any known naming, or `random:SEED`. What is wrong with the values
 * themselves shows when they are read, and is reported then.
 */
export async function openWeights(
  name: string,
  model: Model,
  report: (diagnostic: Diagnostic) => void,
): Promise<Result<Weights>> {
  const params = paramsOf(model);
  if (!params.ok) return params;
  if (name.startsWith("random:")) {
    const seed = randomSeed(name);
    return seed.ok ? ok(randomWeights(seed.value, params.value, model.layerScale ?? undefined)) : seed;
  }
  return catchingFailures(async () => {
    const source = await openSource(name);
    if (!source.ok) return source;
    const file = await readSafetensors(source.value);
    if (!file.ok) return file;
    const bound = await bindWeights(file.value, params.value, report);
    return bound.ok ? ok(bound.value, [...file.diagnostics, ...bound.diagnostics]) : bound;
  });
}
