import { renderTemplate } from "../../../embedded/render-template.ts";
import { align, partial, type TrainerState } from "./state.ts";

/** Threads of a block. */
const threads = 256;

export interface OptimizerOptions extends Pick<TrainerState, "shelf" | "partials"> {
  /** That of the library. */
  readonly namespace: string;
  /** An average of the weights is kept. */
  readonly ema: boolean;
}

/** What acts on all parameters alike, for a shelf of so many floats: what declares it, and its kernels. */
export function optimizerFiles({ namespace, shelf, partials, ema }: OptimizerOptions) {
  const context = { namespace, shelf, partials, ema, align, partial, threads, warps: threads / 32 };
  return {
    header: renderTemplate("host/optimizer-list", context),
    kernels: renderTemplate("cuda/optimizer", context),
  };
}
