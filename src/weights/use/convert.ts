import { capped, maxListed } from "../../diagnostics/capped.ts";
import { type Diagnostic, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error, warning, withNote } from "../../diagnostics/messages.ts";
import { isWeightDType, type WeightDType, weightDTypes } from "../dtype.ts";
import { architectureOf, makesConvMlp } from "../names/architecture.ts";
import { sameButOnes, shapeIn } from "../names/layouts.ts";
import { neededShape, sharedLengths } from "../names/lengths.ts";
import { contextOf, type Dialect, translate } from "../names/names.ts";
import { inDialect, type OfficialTensor, officialTensor } from "../names/official.ts";
import { officialParams, type RenamedFile, rename } from "../names/rename.ts";
import type { TensorData, TensorFile } from "../tensor.ts";
import { type Adaptation, adapt } from "./adapt.ts";
import { type CastOptions, cast, placesIn } from "./cast.ts";

/** What is to become of a file's tensors. */
export interface Conversion {
  /** The naming and layout that are wanted; null for the file's own. */
  readonly to: Dialect | null;
  /** Whether tensors that have no place there may be left out. */
  readonly allowUnused: boolean;
  readonly adaptation?: Adaptation;
  /** The element type that is wanted, and what to do with what it does to values; left out, types stay as they are. */
  readonly cast?: CastOptions & { readonly dtype: WeightDType };
}

export interface Converted {
  readonly from: Dialect;
  readonly to: Dialect;
  /** Each is read when it is asked for its bytes. */
  readonly tensors: readonly TensorData[];
  /** What adaptation has done, a sentence each. */
  readonly notes: readonly string[];
}

/**
 * A file's tensors in the names and the layout of another dialect, whatever dialect the file is in. The shapes of its
 * tensors must agree with one another. Tensors that have no place in the other dialect are an error that names them,
 * or a warning where `allowUnused`.
 */
export function convertWeights(file: TensorFile, conversion: Conversion): Result<Converted> {
  const renamed = rename(file);
  if (!renamed.ok) return renamed;
  const { dialect: from, unknownTensors, problems } = renamed.value;
  const wrong = [...problems, ...disagreeing(renamed.value)];
  if (wrong.length > 0) return fail(...capped(wrong));

  const sources = [...renamed.value.tensors].map(([name, found]) => officialTensor(name, found, file, from));
  const adapted = adapt(sources, conversion.adaptation ?? { channels: null, classes: null }, file.name);
  if (!adapted.ok) return adapted;
  const { notes } = adapted.value;
  const to = conversion.to ?? (placesAll(from, adapted.value.tensors) ? from : "official");
  const typed =
    conversion.cast === undefined ? ok(adapted.value.tensors) : castAll(adapted.value.tensors, conversion.cast);
  if (!typed.ok) return typed;

  const architecture = architectureOf(officialParams(renamed.value));
  const style = { convMlp: architecture !== null && makesConvMlp(architecture, renamed.value.tensors.keys()) };
  const context = contextOf(
    typed.value.map(({ name }) => name),
    "official",
  );
  const placed = new Map<string, TensorData>();
  const unplaced: Unplaced[] = [...unknownTensors];
  for (const source of typed.value) {
    const target = translate(source.name, "official", to, context);
    // MMPretrain has one name for the final LayerNorm and that of a feature head's last level.
    if (target === null || placed.has(target.name)) unplaced.push(source.tensor ?? source);
    else placed.set(target.name, inDialect(source, target, to, style));
  }
  const told = unplaced.length === 0 ? [] : [leftOut(file, unplaced, to, conversion.allowUnused)];
  if (unplaced.length > 0 && !conversion.allowUnused) return fail(...told);
  return ok({ from, to, tensors: [...placed.values()], notes }, [...adapted.diagnostics, ...told]);
}

/** Whether a dialect has names for what was made: namings of encoders have no head. */
const placesAll = (dialect: Dialect, tensors: readonly OfficialTensor[]): boolean =>
  tensors.every(({ name, tensor }) => tensor !== null || translate(name, "official", dialect, finalOf) !== null);

/** Any stage: only whether there is a name is asked. */
const finalOf = new Map([["final", "0"]]);

/** The same tensors in another element type; those that have it already are not touched. */
function castAll(
  tensors: readonly OfficialTensor[],
  { dtype: to, ...options }: NonNullable<Conversion["cast"]>,
): Result<readonly OfficialTensor[]> {
  const wrong: Diagnostic[] = [];
  const typed = tensors.map((source): OfficialTensor => {
    const { dtype, tensor } = source;
    if (dtype === to) return source;
    const name = tensor?.name ?? source.name;
    if (!isWeightDType(dtype)) {
      wrong.push(error("weights-dtype", tensor?.place ?? null, name, dtype, weightDTypes));
      return source;
    }
    const placeOf =
      tensor === null || tensor.dataAt === null
        ? () => tensor?.place ?? null
        : placesIn(tensor.place.file, tensor.dataAt, dtype);
    return {
      ...source,
      dtype: to,
      bytes: async () => cast({ name, dtype, placeOf }, to, await source.bytes(), options),
    };
  });
  return wrong.length > 0 ? fail(...capped(wrong)) : ok(typed);
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

/** A tensor of the file, or one that was made. */
interface Unplaced {
  readonly name: string;
  readonly place?: Diagnostic["place"];
}

function leftOut(file: TensorFile, unplaced: readonly Unplaced[], to: Dialect, allowUnused: boolean): Diagnostic {
  const names = unplaced.slice(0, maxListed).map(({ name }) => name);
  const more = unplaced.length - names.length;
  const place = unplaced[0]?.place ?? { file: file.name, offset: null };
  if (allowUnused) return warning("weights-left-out", place, names, more, to);
  return withNote(error("weights-no-place", place, names, more, to), "pass --allow-unused to leave them out");
}
