import { fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import { nearestOf } from "../../diagnostics/nearest.ts";
import type { Model } from "../../model/model.ts";
import { gradientName } from "../../passes/differentiate.ts";
import type { Weights } from "../../weights/tensor.ts";
import { paramsOf } from "../inputs/open-weights.ts";
import type { RunReport } from "./executor.ts";

/** The parameters of a model and its image, whose official names or names in the file fit one of the patterns. */
export function gradientsOf(
  model: Model,
  patterns: readonly string[],
  inFile: Weights["inFile"],
): Result<ReadonlySet<string>> {
  const params = paramsOf(model);
  if (!params.ok) return params;
  const leaves = [image, ...params.value.map(({ name }) => name)];
  const namesOf = (leaf: string) => (leaf === image || inFile === undefined ? [leaf] : [leaf, inFile(leaf).name]);
  const nearest = nearestOf(leaves);
  const unknown = patterns.filter(pattern => !leaves.flatMap(namesOf).some(fits(pattern)));
  if (unknown.length > 0) return fail(...unknown.map(name => error("no-such-gradient", null, name, nearest(name))));
  const chosen =
    patterns.length === 0 ? leaves : leaves.filter(leaf => patterns.some(p => namesOf(leaf).some(fits(p))));
  return ok(new Set(chosen));
}

const image = "pixel_values";

/** `*` stands for any characters. */
const fits = (pattern: string): ((name: string) => boolean) => {
  const parts = pattern.split("*").map(part => part.replaceAll(/[^\w]/g, String.raw`\$&`));
  const whole = new RegExp(`^${parts.join(".*")}$`);
  return name => whole.test(name);
};

/** Gradients in the names, shapes and orders of the file that the weights were read from. */
export function inFileForm(
  outputs: RunReport["outputs"],
  wanted: ReadonlySet<string>,
  inFile: Weights["inFile"],
): RunReport["outputs"] {
  const known = new Map([...wanted].map(name => [gradientName(name), name]));
  return new Map(
    [...outputs].map(([output, tensor]) => {
      const name = known.get(output);
      if (name === undefined || name === image || inFile === undefined) return [output, tensor];
      const form = inFile(name);
      return [gradientName(form.name), { shape: form.shape, data: form.ordered(tensor.data) }];
    }),
  );
}
