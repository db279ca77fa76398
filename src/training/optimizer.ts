import type { Recipe } from "../model/model.ts";
import { adamw, biasCorrections, type Moments } from "./adamw.ts";
import { clipScale, gradientNorm } from "./gradient-norm.ts";
import type { Learned } from "./learned.ts";

/** All that is kept of a parameter, by torch's names where it has one; the average is null where the recipe has none. */
export interface ParameterState extends Moments {
  readonly ema: Float64Array | null;
}

export interface UpdateRequest {
  readonly lr: number;
  /** Which update it is, from 1; those that were skipped do not count. */
  readonly n: number;
}

export interface Updated {
  /** Of all gradients together, before clipping. */
  readonly gradNorm: number;
  /** The norm was not finite, and nothing has changed. */
  readonly skipped: boolean;
}

/** AdamW over a set of parameters, with all that a recipe puts around it, in float64. */
export interface Optimizer {
  readonly states: ReadonlyMap<string, ParameterState>;
  /** Adds a micro-batch's gradients, each times its share in the step. */
  accumulate(gradients: ReadonlyMap<string, ArrayLike<number>>, share: number): void;
  /** Changes the weights by what was accumulated since the last time. */
  update(request: UpdateRequest): Updated;
}

export function optimizer(
  params: readonly Learned[],
  { optimizer: { betas, eps }, clip, ema }: Recipe,
  states: ReadonlyMap<string, ParameterState>,
): Optimizer {
  const of = <T>(map: ReadonlyMap<string, T>, name: string): T => map.get(name) as T;
  const sums = new Map([...states].map(([name, { param }]) => [name, new Float64Array(param.length)]));
  return {
    states,
    accumulate(gradients, share) {
      for (const [name, sum] of sums) {
        const gradient = of(gradients, name);
        for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + share * (gradient[i] as number);
      }
    },
    update({ lr, n }) {
      const gradNorm = gradientNorm(sums.values());
      const skipped = !Number.isFinite(gradNorm);
      const corrections = biasCorrections(betas, n);
      const scale = clipScale(gradNorm, clip);
      for (const { name, lrScale, weightDecay } of skipped ? [] : params) {
        const state = of(states, name);
        adamw(state, of(sums, name), { lr: lr * lrScale, weightDecay, betas, eps, corrections, scale });
        if (state.ema !== null && ema !== null) average(state.ema, state.param, ema);
      }
      for (const sum of sums.values()) sum.fill(0);
      return { gradNorm, skipped };
    },
  };
}

/** The exponential moving average of the weights, after an update. Source: timm, utils/model_ema.py. */
function average(ema: Float64Array, param: Float64Array, decay: number): void {
  for (let i = 0; i < ema.length; i++) ema[i] = decay * (ema[i] as number) + (1 - decay) * (param[i] as number);
}
