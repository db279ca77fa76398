import { Failure } from "../../diagnostics/failure.ts";
import { error } from "../../diagnostics/messages.ts";
import type { Weights } from "../tensor.ts";

/** The largest finite f16. */
export const largestHalf = 65504;

/** Where a finite value is that f16 lacks: as infinity it would spoil every image. -1 where there is none. */
export const beyondHalf = (values: Float32Array): number =>
  values.findIndex(value => Math.abs(value) > largestHalf && Number.isFinite(value));

/** The same weights, of which the named are to be stored in f16: what does not fit is a `Failure` of whoever reads. */
export const withinHalf = (weights: Weights, stored: ReadonlySet<string>): Weights => ({
  ...weights,
  f32: async name => {
    const values = await weights.f32(name);
    const at = stored.has(name) ? beyondHalf(values) : -1;
    if (at >= 0) throw new Failure(error("beyond-half", null, name, at, values[at] as number));
    return values;
  },
});
