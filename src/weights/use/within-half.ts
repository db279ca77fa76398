import { Failure } from "../../diagnostics/failure.ts";
import { error } from "../../diagnostics/messages.ts";
import type { Weights } from "../tensor.ts";
import { underflow } from "./underflow.ts";

/** The largest finite f16. */
export const largestHalf = 65504;
/** What is no larger is nearer to 0 than to the least f16 above it, or as near. */
const zeroInHalf = 2 ** -25;

/** Where a finite value is that f16 lacks: as infinity it would spoil every image. -1 where there is none. */
export const beyondHalf = (values: Float32Array): number =>
  values.findIndex(value => Math.abs(value) > largestHalf && Number.isFinite(value));

/** How many values are not 0 and would be in f16. */
export const zeroedInHalf = (values: Float32Array): number => {
  let count = 0;
  for (const value of values) if (value !== 0 && Math.abs(value) <= zeroInHalf) count++;
  return count;
};

/** Says where much of a parameter becomes 0 in f16; `values` are those that are stored. */
export function warnOfZeros(
  { warn, origin }: Pick<Weights, "warn" | "origin">,
  name: string,
  values: Float32Array,
): void {
  if (warn === undefined) return;
  const lost = underflow({ file: origin, offset: null }, name, zeroedInHalf(values), values.length, "F16");
  if (lost !== null) warn(name, lost);
}

/**
 * The same weights, of which the named are to be stored in f16: a value that does not fit is a `Failure` of whoever reads,
 * of a parameter that mostly becomes 0 the weights are told.
 */
export const withinHalf = (weights: Weights, stored: ReadonlySet<string>): Weights => ({
  ...weights,
  f32: async name => {
    const values = await weights.f32(name);
    if (!stored.has(name)) return values;
    const at = beyondHalf(values);
    if (at >= 0) throw new Failure(error("beyond-half", null, name, at, values[at] as number));
    warnOfZeros(weights, name, values);
    return values;
  },
});
