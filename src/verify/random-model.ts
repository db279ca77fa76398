import type { Span } from "../diagnostics/diagnostic.ts";
import { choices } from "../model/choices.ts";
import { activations, classifierOf, type Head, type Model, overlaps } from "../model/model.ts";
import { usualPreprocess } from "../model/preprocess.ts";

const nowhere: Span = { source: { name: "generated", text: "" }, start: 0, end: 0 };

type Drawn = Omit<Model, "preprocess" | "stages" | "weightsSha256" | "span"> & {
  readonly depths: readonly number[];
  readonly dims: readonly number[];
  readonly kernels: readonly number[];
};

const whole = ({ depths, dims, kernels, ...rest }: Drawn): Model => ({
  ...rest,
  preprocess: usualPreprocess(rest.input),
  stages: depths.map((depth, i) => ({
    depth,
    dim: dims[i] as number,
    kernel: kernels[i] as number,
    span: nowhere,
  })),
  weightsSha256: null,
  span: nowhere,
});

/** A model and the images that it is to run on. */
export interface Case {
  readonly model: Model;
  readonly batch: number;
}

/** Every fourth a masked autoencoder; most have few stages, since what differs from one to the next is much the same. */
export function randomCase(seed: number): Case {
  const most = seed % 8 < 2 ? 4 : 1 + (seed % 2);
  return seed % 4 === 3 ? randomFcmae(seed, most) : randomModel(seed, most);
}

/** Pixels below or to the right of the last whole stride: none half of the time. */
function leftOver(seed: number, stride: number): () => number {
  const { int, pick } = choices(seed * 104729 + 3);
  return () => (pick([true, false]) ? 0 : int(0, stride - 1));
}

/** An output stride below the total stride, for every third model of several stages. */
function someOutputStride(seed: number, patch: number, stages: number): { readonly outputStride?: number } {
  const { int } = choices(seed * 130363 + 5);
  return stages > 1 && seed % 3 === 0 ? { outputStride: patch * 2 ** int(0, stages - 2) } : {};
}

/** A small random model that the language allows, of at most so many stages, and a batch for it. */
export function randomModel(seed: number, stages = 4): Case {
  const { int, pick } = choices(seed * 7919 + 1);
  const count = int(1, stages);
  const patch = pick([1, 2, 4, 8]);
  const stride = patch * 2 ** (count - 1);
  const over = leftOver(seed, stride);
  const side = (): number => stride * int(1, Math.max(1, Math.floor(48 / stride))) + over();
  const grn = pick(["per_sample", "per_sample", "per_sample", "per_batch", "none"] as const);
  const levels = Array.from({ length: count }, (_, i) => i + 1).filter(() => int(0, 2) > 0);
  const dims = Array.from({ length: count }, () => pick([1, 3, 5, 8, 10, 12, 17, 24, 33, 40, 64]));
  const wide = !dims.includes(1);
  return {
    batch: int(1, 3),
    model: whole({
      name: `random_${seed}`,
      depths: Array.from({ length: count }, () => int(1, 2)),
      dims,
      kernels: Array.from({ length: count }, () => pick([1, 3, 5, 7, 9, 11])),
      input: { height: side(), width: side(), channels: pick([1, 2, 3, 4]) },
      stem: { patch },
      mlpRatio: pick([1, 2, 3, 4]),
      activation: pick(activations),
      normEps: pick([1e-6, 1e-5, 1e-12]),
      grn,
      layerScale: pick([null, null, 1e-6]),
      head: pick<Head>([
        classifierOf(pick([0, 1, 7, 10, 33])),
        { ...classifierOf(pick([0, 10])), hiddenSize: pick([5, 12]) },
        { ...classifierOf(pick([0, 10])), normFirst: true },
        {
          kind: "features",
          levels: levels.length === 0 ? [count] : levels,
          norm: pick([true, false]),
          ...someOutputStride(seed, patch, count),
        },
      ]),
      ...pick([{}, {}, {}, { convBias: false }] as const),
      ...pick([{}, {}, {}, { normLayer: "rmsnorm" }, ...(wide ? [{ normLayer: "simplenorm" } as const] : [])] as const),
      ...(patch === 4 ? pick([{}, ...overlaps.map(overlap => ({ stem: { patch, overlap } }))]) : {}),
    }),
  };
}

/** The same with a masked autoencoder. */
export function randomFcmae(seed: number, stages = 4): Case {
  const { int, pick } = choices(seed * 6007 + 5);
  const count = int(1, stages);
  const patch = pick([1, 2, 4]);
  const stride = patch * 2 ** (count - 1);
  const patchSize = stride * pick(stride > 8 ? [1, 2] : [1, 2, 3, 4]);
  const [rows, columns] = [int(1, 3), int(2, 4)];
  const keep = int(1, rows * columns - 1);
  return {
    batch: int(1, 3),
    model: whole({
      name: `fcmae_${seed}`,
      depths: Array.from({ length: count }, () => int(1, 2)),
      dims: Array.from({ length: count }, () => pick([1, 3, 5, 8, 10, 12, 20, 24])),
      kernels: Array.from({ length: count }, () => pick([1, 3, 5, 7, 7, 9, 11])),
      input: { height: rows * patchSize, width: columns * patchSize, channels: pick([1, 2, 3, 4]) },
      stem: { patch },
      mlpRatio: pick([1, 2, 4]),
      activation: pick(activations),
      normEps: 1e-6,
      grn: pick(["per_sample", "per_sample", "per_batch", "none"] as const),
      layerScale: pick([null, null, 1e-6]),
      head: {
        kind: "fcmae",
        maskRatio: 1 - (keep + 0.5) / (rows * columns),
        patchSize,
        decoder: { depth: int(1, 2), dim: pick([4, 7, 16]) },
        normPixLoss: pick([true, false]) && patchSize ** 2 > 1,
      },
      ...pick([{}, {}, {}, { normLayer: "rmsnorm" }] as const),
      ...pick([{}, {}, {}, { convBias: false }] as const),
    }),
  };
}
