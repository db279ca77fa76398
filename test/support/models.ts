import type { Span } from "../../src/diagnostics/diagnostic.ts";
import { build } from "../../src/graph/build.ts";
import { type Values, widen } from "../../src/graph/evaluate.ts";
import { type Graph, resolve, type ValueId } from "../../src/graph/graph.ts";
import { classifierOf, type Head, type Model, type Overlap } from "../../src/model/model.ts";
import { usualPreprocess } from "../../src/model/preprocess.ts";
import { generatorTensor } from "../../src/weights/made/generator.ts";
import { nondegenerateWeights } from "../../src/weights/made/nondegenerate.ts";
import type { Weights } from "../../src/weights/tensor.ts";
import type { Golden } from "./golden.ts";

export { choices } from "../../src/model/choices.ts";
export { randomFcmae, randomModel } from "../../src/verify/random-model.ts";

export const nowhere: Span = { source: { name: "test", text: "" }, start: 0, end: 0 };

/** A small model with what a test cares about stated and the rest at its default. */
export function model(
  given: Partial<Omit<Model, "stages">> & { depths?: number[]; dims?: number[]; kernels?: number[] },
): Model {
  const { depths = [1, 1], dims = [8, 16], kernels = [], ...rest } = given;
  const input = given.input ?? { height: 32, width: 32, channels: 3 };
  return {
    name: "model",
    input,
    preprocess: usualPreprocess(input),
    stem: { patch: 4 },
    stages: depths.map((depth, i) => ({ depth, dim: dims[i] ?? 8, kernel: kernels[i] ?? 7, span: nowhere })),
    mlpRatio: 4,
    activation: "gelu",
    normEps: 1e-6,
    grn: "per_sample",
    layerScale: null,
    head: classifierOf(10),
    weightsSha256: null,
    span: nowhere,
    ...rest,
  };
}

interface GoldenSpec {
  readonly in_chans: number;
  readonly num_classes: number;
  readonly depths: number[];
  readonly dims: number[];
  readonly kernel_size: number | number[];
  readonly mlp_ratio?: number;
  readonly activation?: Model["activation"];
  readonly stem_patch?: number;
  readonly grn?: "none";
  readonly layer_scale?: boolean;
  readonly conv_bias?: false;
  readonly stem?: Overlap;
  readonly norm_layer?: "rmsnorm" | "simplenorm";
  readonly norm_eps?: number;
  readonly hidden_size?: number;
  readonly norm_first?: true;
}

/** The model a dense or options golden file was recorded from. */
export function goldenModel(golden: Golden, head?: Head): Model {
  const spec = golden.spec as unknown as GoldenSpec;
  const [, channels, height, width] = golden.input.shape as [number, number, number, number];
  const { kernel_size: kernel } = spec;
  return model({
    name: golden.name.replaceAll("-", "_"),
    depths: spec.depths,
    dims: spec.dims,
    kernels: spec.depths.map((_, i) => (typeof kernel === "number" ? kernel : (kernel[i] as number))),
    input: { height, width, channels },
    stem: { patch: spec.stem_patch ?? 4, ...(spec.stem === undefined ? {} : { overlap: spec.stem }) },
    mlpRatio: spec.mlp_ratio ?? 4,
    activation: spec.activation ?? "gelu",
    ...(spec.norm_layer === undefined ? {} : { normLayer: spec.norm_layer }),
    normEps: spec.norm_eps ?? 1e-6,
    grn: spec.grn ?? "per_sample",
    layerScale: spec.layer_scale ? 1e-6 : null,
    ...(spec.conv_bias === false ? { convBias: false } : {}),
    head: head ?? {
      ...classifierOf(spec.num_classes),
      ...(spec.hidden_size === undefined ? {} : { hiddenSize: spec.hidden_size }),
      ...(spec.norm_first ? { normFirst: true } : {}),
    },
  });
}

/** Weights as the golden table spreads them, so that every parameter matters to the outputs. */
export const testWeights = (graph: Graph, seed: number): Weights =>
  nondegenerateWeights(
    seed,
    [...graph.nodes.values()].flatMap(n => (n.op === "param" ? [{ name: n.id, shape: resolve(n.type.shape, 1) }] : [])),
  );

/** Everything `evaluate` needs: parameters from `weights`, and an image batch. */
export async function feed(
  graph: Graph,
  weights: Weights,
  input: Float32Array,
  batch: number,
): Promise<Map<ValueId, Values>> {
  const values = new Map<ValueId, Values>();
  for (const node of graph.nodes.values()) {
    if (node.op === "param") values.set(node.id, widen(resolve(node.type.shape, 1), await weights.f32(node.id)));
    if (node.op === "input") values.set(node.id, widen(resolve(node.type.shape, batch), input));
  }
  return values;
}

export const testInput = (model: Model, batch: number, seed: number): Float32Array =>
  generatorTensor(seed, "input", batch * model.input.channels * model.input.height * model.input.width, 0, 1.7);

/** The graph of a model whose taps exist. */
export function mustBuild(model: Model, taps: readonly string[] = []): Graph {
  const graph = build(model, taps);
  if (!graph.ok) throw new Error(graph.diagnostics.map(d => d.message).join("; "));
  return graph.value;
}
