import type { Diagnostic, Place } from "../../diagnostics/diagnostic.ts";
import { warning } from "../../diagnostics/messages.ts";
import type { WeightDType } from "../dtype.ts";

/** Above this share of values that become 0, there is a warning. */
const maxZeroed = 0.01;

/** What is said of a tensor of which so many values were not 0 and are in another element type; null where few are. */
export const underflow = (
  place: Place,
  name: string,
  zeroed: number,
  elements: number,
  dtype: WeightDType,
): Diagnostic | null =>
  zeroed > maxZeroed * elements ? warning("weights-underflow", place, name, zeroed, elements, dtype) : null;
