import type { Input, Preprocess, Resize } from "../model/model.ts";
import { cropOf, sameResize, usualPreprocess } from "../model/preprocess.ts";

const list = (values: readonly number[]): string => `[${values.join(", ")}]`;

/** One number where all channels have the same. */
const perChannel = (values: readonly number[]): string =>
  values.length > 1 && values.every(value => value === values[0]) ? `${values[0]}` : list(values);

/** A model's `preprocess` as a spec has it: the fields that are not as usual for that input. */
export function printPreprocess(preprocess: Preprocess, input: Input): string {
  const usual = usualPreprocess(input);
  const { mean, std, bands, resize, interpolation, display } = preprocess;
  const fields = [
    ...(list(mean) === list(usual.mean) ? [] : [`mean ${perChannel(mean)}`]),
    ...(list(std) === list(usual.std) ? [] : [`std ${perChannel(std)}`]),
    ...(bands === null || list(bands) === list(usual.bands ?? []) ? [] : [`bands ${list(bands)}`]),
    ...(sameResize(resize, usual.resize) ? [] : printResize(resize, input)),
    ...(interpolation === usual.interpolation ? [] : [`interpolation ${interpolation}`]),
    ...(list(display) === list(usual.display) ? [] : [`display ${list(display)}`]),
  ];
  return `{ ${fields.join(" ")} }`;
}

function printResize(resize: Resize, input: Input): readonly string[] {
  const crop = cropOf(resize, input);
  if (resize.mode === "squash") return crop === 1 ? ["resize squash"] : ["resize squash", `crop ${crop}`];
  return crop === null ? [`resize ${resize.height}`] : [`crop ${crop}`];
}
