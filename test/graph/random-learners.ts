import { choices } from "../../src/model/choices.ts";
import {
  activations,
  classifierOf,
  grnScopes,
  type Head,
  type Model,
  overlaps,
  type Stem,
} from "../../src/model/model.ts";
import type { SiteLayout } from "../../src/passes/site-layout.ts";
import type { WebgpuProfileName } from "../../src/plan/tiles/tuning-profiles.ts";
import { model } from "../support/models.ts";

/** A model that learns, and how. */
export interface Learner {
  readonly seed: number;
  readonly model: Model;
  readonly batch: number;
  /** Whether its blocks take factors of stochastic depth. */
  readonly dropPath: boolean;
  /** Of its encoder's maps, where it has a mask. */
  readonly sites: SiteLayout;
  readonly tiles: WebgpuProfileName;
}

/** ReLU has a bend, across which a difference is no slope; PyTorch's gradients of it are recorded. */
const smooth = activations.filter(activation => activation !== "relu");

const stems: readonly Stem[] = [{ patch: 4 }, ...overlaps.map(overlap => ({ patch: 4, overlap }))];

/**
 * Norms that leave the mean where it is. Of one channel they make its sign, or nothing: no gradient comes back through that, and
 * what is there is rounding alone.
 */
const normsFor = (dims: readonly number[]): readonly Pick<Model, "normLayer">[] =>
  dims.includes(1) ? [] : [{ normLayer: "rmsnorm" }, { normLayer: "simplenorm" }];

/** Models of a family. */
export const familySize = 20;

/**
 * Twenty random models that learn. They share their sizes, and differ in heads, depths and options: kernels of one size are
 * the same text, and a software adapter takes ten times as long to compile a kernel as to run it.
 */
export function family(index: number): readonly Learner[] {
  const { int, pick } = choices(index * 9001 + 7);
  const count = index % 5 === 4 ? int(3, 4) : int(1, 2);
  const patch = pick([1, 2, 4]);
  const stride = patch * 2 ** (count - 1);
  // A large map has its rows summed in parts, which small ones need not.
  const isLarge = count === 1 && pick([true, false]);
  const patchSize = stride * int(1, isLarge ? 8 : stride > 4 ? 1 : 3);
  const [rows, columns] = count > 2 ? [int(1, 2), 2] : [int(1, 3), int(2, 4)];
  // One channel is all zeros once it is normalised: seldom.
  // Never two: a LayerNorm makes 1 and -1 of them whatever they are, and what comes back through it is rounding alone.
  const dims = isLarge ? [3, 5, 8] : count > 2 ? [1, 3, 4, 5, 8, 10] : [1, 3, 4, 5, 8, 10, 12, 17, 24];
  const sizes = {
    dims: Array.from({ length: count }, () => pick(dims)),
    kernels: Array.from({ length: count }, () => pick(isLarge ? [1, 3, 5] : [1, 3, 5, 7, 7, 9, 11])),
    input: { height: rows * patchSize, width: columns * patchSize, channels: pick([1, 2, 3, 4]) },
    stem: { patch },
    mlpRatio: pick([1, 2, 3, 4]),
    normEps: pick([1e-6, 1e-5, 1e-12]),
  };
  // What whole strides leave over, which a mask does not allow.
  const over = choices(index * 104729 + 3);
  const uneven = {
    height: sizes.input.height + over.int(0, 1) * over.int(0, stride - 1),
    width: sizes.input.width + over.int(0, 1) * over.int(0, stride - 1),
    channels: sizes.input.channels,
  };
  const outputStride = patch * 2 ** over.int(0, count - 1);
  const classes = pick([1, 7, 10, 33]);
  const hiddenSize = pick([5, 12]);
  const masked = {
    patchSize,
    decoderDim: pick([4, 7, 16]),
    maskRatio: 1 - (int(1, rows * columns - 1) + 0.5) / (rows * columns),
  };
  const shared = { batch: int(1, 3), tiles: pick(["swiftshader", "lavapipe", "software", "software"] as const) };

  return Array.from({ length: familySize }, (_, i) => {
    const seed = index * familySize + i;
    const own = choices(seed * 7919 + 1);
    const chosen = Array.from({ length: count }, (_, level) => level + 1).filter(() => own.int(0, 2) > 0);
    const heads: Readonly<Record<Head["kind"], () => Head>> = {
      classifier: () => ({
        ...classifierOf(own.pick([0, classes, classes])),
        ...own.pick([{}, {}, { hiddenSize }, { normFirst: true }] as const),
      }),
      features: () => ({
        kind: "features",
        levels: chosen.length === 0 ? [count] : chosen,
        norm: own.pick([true, false]),
        ...(outputStride < stride ? { outputStride } : {}),
      }),
      fcmae: () => ({
        kind: "fcmae",
        maskRatio: masked.maskRatio,
        patchSize,
        decoder: { depth: own.int(1, 2), dim: masked.decoderDim },
        normPixLoss: own.pick([true, false]) && patchSize > 1,
      }),
    };
    const head = own.pick([heads.classifier, heads.features, heads.fcmae])();
    return {
      ...shared,
      seed,
      model: model({
        ...sizes,
        input: head.kind === "fcmae" ? sizes.input : uneven,
        name: `learner_${seed}`,
        depths: Array.from({ length: count }, () => own.int(1, 2)),
        activation: own.pick(smooth),
        grn: own.pick(grnScopes),
        layerScale: own.pick([null, null, 1e-6]),
        head,
        ...own.pick([{}, {}, {}, { convBias: false }] as const),
        ...own.pick([{}, {}, ...normsFor(sizes.dims)]),
        ...(patch === 4 && head.kind !== "fcmae" ? { stem: own.pick(stems) } : {}),
      }),
      dropPath: own.pick([true, false]),
      sites: own.pick(["auto", "compact", "masked"] as const),
    };
  });
}
