import type { Span } from "../../src/diagnostics/diagnostic.ts";
import { build } from "../../src/graph/build.ts";
import { type Values, widen } from "../../src/graph/evaluate.ts";
import { type Graph, resolve, type ValueId } from "../../src/graph/graph.ts";
import type { Head, Model } from "../../src/model/model.ts";
import { generatorTensor } from "../../src/weights/generator.ts";
import { elements, type Weights } from "../../src/weights/tensor.ts";
import type { Golden } from "./golden.ts";

export const nowhere: Span = { source: { name: "test", text: "" }, start: 0, end: 0 };

/** A small model with what a test cares about stated and the rest at its default. */
export function model(
  given: Partial<Omit<Model, "stages">> & { depths?: number[]; dims?: number[]; kernels?: number[] },
): Model {
  const { depths = [1, 1], dims = [8, 16], kernels = [], ...rest } = given;
  return {
    name: "model",
    input: { height: 32, width: 32, channels: 3 },
    stem: { patch: 4 },
    stages: depths.map((depth, i) => ({ depth, dim: dims[i] ?? 8, kernel: kernels[i] ?? 7, span: nowhere })),
    mlpRatio: 4,
    activation: "gelu",
    normEps: 1e-6,
    grn: "per_sample",
    layerScale: null,
    head: { kind: "classifier", classes: 10 },
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
    stem: { patch: spec.stem_patch ?? 4 },
    mlpRatio: spec.mlp_ratio ?? 4,
    activation: spec.activation ?? "gelu",
    grn: spec.grn ?? "per_sample",
    layerScale: spec.layer_scale ? 1e-6 : null,
    head: head ?? { kind: "classifier", classes: spec.num_classes },
  });
}

/** Weights as the golden table spreads them, so that every parameter matters to the outputs. */
export const testWeights = (graph: Graph, seed: number): Weights => {
  const shapes = new Map(
    [...graph.nodes.values()].flatMap(n => (n.op === "param" ? [[n.id, resolve(n.type.shape, 1)]] : [])),
  );
  return {
    origin: `test:${seed}`,
    f32: async name => {
      const shape = shapes.get(name) ?? [];
      const [mean, spread] = distribution(name, shape);
      return generatorTensor(seed, name, elements(shape), mean, spread);
    },
  };
};

function distribution(name: string, shape: readonly number[]): readonly [mean: number, halfwidth: number] {
  if (name.endsWith(".gamma")) return [0, 0.5];
  if (name.endsWith(".beta") || name.endsWith(".bias")) return [0, 0.1];
  if (shape.length === 1) return [1, 0.2];
  return [0, (name.includes(".pwconv2.") ? 0.3 : 1) * Math.sqrt(3 / elements(shape.slice(1)))];
}

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

/** A seeded stream of choices, for specs that nobody thought of. */
export function choices(seed: number) {
  let state = seed >>> 0 || 0x9e3779b9;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state = (state ^ (state << 5)) >>> 0;
    return state / 2 ** 32;
  };
  const int = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  return { int, pick: <T>(from: readonly T[]): T => from[int(0, from.length - 1)] as T };
}

/** A small random model that the language allows, and a batch for it. */
export function randomModel(seed: number): { readonly model: Model; readonly batch: number } {
  const { int, pick } = choices(seed * 7919 + 1);
  const count = int(1, 4);
  const patch = pick([1, 2, 4, 8]);
  const stride = patch * 2 ** (count - 1);
  const side = (): number => stride * int(1, Math.max(1, Math.floor(48 / stride)));
  const grn = pick(["per_sample", "per_sample", "per_sample", "per_batch", "none"] as const);
  const levels = Array.from({ length: count }, (_, i) => i + 1).filter(() => int(0, 2) > 0);
  return {
    batch: int(1, 3),
    model: model({
      name: `random_${seed}`,
      depths: Array.from({ length: count }, () => int(1, 2)),
      dims: Array.from({ length: count }, () => pick([1, 3, 5, 8, 10, 12, 17, 24, 33, 40, 64])),
      kernels: Array.from({ length: count }, () => pick([1, 3, 5, 7, 9, 11])),
      input: { height: side(), width: side(), channels: pick([1, 2, 3, 4]) },
      stem: { patch },
      mlpRatio: pick([1, 2, 3, 4]),
      activation: pick(["gelu", "gelu_tanh"] as const),
      normEps: pick([1e-6, 1e-5, 1e-12]),
      grn,
      layerScale: pick([null, null, 1e-6]),
      head: pick([
        { kind: "classifier", classes: pick([0, 1, 7, 10, 33]) },
        { kind: "features", levels: levels.length === 0 ? [count] : levels, norm: pick([true, false]) },
      ] as const),
    }),
  };
}

/** The graph of a model whose taps exist. */
export function mustBuild(model: Model, taps: readonly string[] = []): Graph {
  const graph = build(model, taps);
  if (!graph.ok) throw new Error(graph.diagnostics.map(d => d.message).join("; "));
  return graph.value;
}
