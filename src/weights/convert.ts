import { type Diagnostic, fail, ok, type Result } from "../diagnostics/diagnostic.ts";
import { invariant } from "../diagnostics/invariant.ts";
import { error, warning, withNote } from "../diagnostics/messages.ts";
import { architectureOf, makesConvMlp } from "./architecture.ts";
import { capped, maxListed } from "./capped.ts";
import { dtypeBytes } from "./dtype.ts";
import { fromOfficial, type Style, sameButOnes, shapeIn, toOfficial } from "./layouts.ts";
import { neededShape, sharedLengths } from "./lengths.ts";
import { contextOf, type Dialect, type KnownName, translate } from "./names.ts";
import { officialParams, type Renamed, type RenamedFile, rename } from "./rename.ts";
import type { TensorData } from "./safetensors.ts";
import type { Tensor, TensorFile } from "./tensor.ts";

export interface Converted {
  readonly from: Dialect;
  readonly to: Dialect;
  /** Each is read when it is asked for its bytes. Element types are the file's. */
  readonly tensors: readonly TensorData[];
}

/**
 * A file's tensors in the names and the layout of another dialect, whatever dialect the file is in. The shapes of its
 * tensors must agree with one another. Tensors that have no place in the other dialect are an error that names them,
 * or a warning where `allowUnused`.
 */
export function convertWeights(file: TensorFile, to: Dialect, allowUnused: boolean): Result<Converted> {
  const renamed = rename(file);
  if (!renamed.ok) return renamed;
  const { dialect: from, tensors, strangers, problems } = renamed.value;
  const wrong = [...problems, ...disagreeing(renamed.value)];
  if (wrong.length > 0) return fail(...capped(wrong));

  const placed: TensorData[] = [];
  const unplaced: Tensor[] = [...strangers];
  const architecture = architectureOf(officialParams(renamed.value));
  const style = { convMlp: architecture !== null && makesConvMlp(architecture) };
  const context = contextOf([...tensors.keys()], "official");
  const taken = new Set<string>();
  for (const [name, found] of tensors) {
    const target = translate(name, "official", to, context);
    // MMPretrain has one name for the final LayerNorm and that of a feature head's last level.
    if (target === null || taken.has(target.name)) unplaced.push(found.tensor);
    else placed.push(converted(file, found, target, from, to, style));
    if (target !== null) taken.add(target.name);
  }
  const told = unplaced.length === 0 ? [] : [leftOut(file, unplaced, to, allowUnused)];
  return unplaced.length > 0 && !allowUnused ? fail(...told) : ok({ from, to, tensors: placed }, told);
}

function converted(
  file: TensorFile,
  { tensor, known, shape }: Renamed,
  target: KnownName,
  from: Dialect,
  to: Dialect,
  style: Style,
): TensorData {
  const { dtype } = tensor;
  const width = dtypeBytes[dtype];
  invariant(shape !== null, `'${tensor.name}' has a shape that nothing asks for`);
  return {
    name: target.name,
    dtype,
    shape: shapeIn(target, to, shape, style),
    bytes: async () => {
      const official = toOfficial(known, from, shape, await file.bytes(tensor.name), width);
      return fromOfficial(target, to, shape, official, width);
    },
  };
}

/** Tensors whose shape is none, or not the one that the other tensors make it. */
function disagreeing(renamed: RenamedFile): readonly Diagnostic[] {
  const lengths = sharedLengths(renamed);
  return [...renamed.tensors.values()].flatMap(found => {
    const { tensor, known, shape } = found;
    const needed = neededShape(found, lengths);
    if (shape !== null && sameButOnes(shape, needed)) return [];
    return [
      error("weights-disagree", tensor.place, tensor.name, tensor.shape, shapeIn(known, renamed.dialect, needed)),
    ];
  });
}

function leftOut(file: TensorFile, unplaced: readonly Tensor[], to: Dialect, allowUnused: boolean): Diagnostic {
  const names = unplaced.slice(0, maxListed).map(({ name }) => name);
  const more = unplaced.length - names.length;
  const place = unplaced[0]?.place ?? { file: file.name, offset: null };
  if (allowUnused) return warning("weights-left-out", place, names, more, to);
  return withNote(error("weights-no-place", place, names, more, to), "pass --allow-unused to leave them out");
}
