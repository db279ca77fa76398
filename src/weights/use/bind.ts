import { capped } from "../../diagnostics/capped.ts";
import { type Diagnostic, type FilePlace, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { cut } from "../../diagnostics/escape.ts";
import { invariant } from "../../diagnostics/invariant.ts";
import { error, warning, withNote } from "../../diagnostics/messages.ts";
import { dtypeBytes } from "../dtype.ts";
import {
  architectureOf,
  decoderOf,
  printArchitecture,
  printDecoder,
  publishedName,
  sameArchitecture,
  sameDecoder,
} from "../names/architecture.ts";
import { fromOfficial, toOfficial } from "../names/layouts.ts";
import { translate } from "../names/names.ts";
import { officialParams, type RenamedFile, rename } from "../names/rename.ts";
import { elements, type Param, readF32, type Tensor, type TensorFile, type Weights } from "../tensor.ts";
import { misfits } from "./misfits.ts";
import { unusedNames } from "./unused.ts";

export interface BindOptions {
  /** Tensors that no parameter wants are left with a warning. */
  readonly allowExtra?: boolean;
  /** A value that is not finite is an error. */
  readonly strict?: boolean;
  /** What a head begins from that the file has nothing of: an encoder is about to be fine-tuned. */
  readonly head?: Weights;
}

/**
 * A file's tensors as a model's parameters, whichever dialect they are named in and laid out for. Told all at once:
 * parameters that are missing, tensors that no parameter wants, shapes and element types that do not fit; tensors of
 * another head than the model's are left with a warning. Reads no data. With `report`, the first `f32` of a parameter
 * looks at what it has read: NaN and infinities are a warning, a tensor that is all NaN an error; so is a head
 * of zeros a warning, and a GRN that is everywhere zero, when the last of it has been read.
 */
export async function bindWeights(
  file: TensorFile,
  params: readonly Param[],
  report?: (diagnostic: Diagnostic) => void,
  { allowExtra = false, strict = false, head }: BindOptions = {},
): Promise<Result<Weights>> {
  const renamed = rename(file);
  if (!renamed.ok) return renamed;
  const known = renamed.value;
  const other = otherSize(file, known, params);
  if (other !== null) return fail(other);

  const isDrawn = headIsDrawn(known, params, head);
  const bound = isDrawn ? params.filter(({ name }) => !isOfHead(name)) : params;
  const problems = [...known.problems, ...misfits(file, known, bound, allowExtra)];
  if (problems.length > 0) return fail(...capped(problems));
  const checkValues = report && valueChecker(bound, strict, report);
  const found = weights(file, known, bound, checkValues);
  if (!isDrawn || head === undefined) return ok(found, unused(file, known, bound));
  const drawn = warning("weights-head-drawn", { file: file.name, offset: null });
  return ok(withHead(found, head), [...unused(file, known, bound), drawn]);
}

const isOfHead = (name: string): boolean => translate(name, "official", "official")?.part === "head";

const headIsDrawn = ({ tensors }: RenamedFile, params: readonly Param[], head: Weights | undefined): boolean =>
  head !== undefined &&
  params.some(({ name }) => isOfHead(name)) &&
  ![...tensors.values()].some(({ known }) => known.part === "head");

/** Under official names, since not every naming of encoders has a head. */
const withHead = ({ inFile: _, ...found }: Weights, head: Weights): Weights => ({
  ...found,
  f32: name => (isOfHead(name) ? head : found).f32(name),
});

/** Another size of the family, or of the decoder: one sentence instead of two hundred misfits. */
function otherSize(file: TensorFile, known: RenamedFile, params: readonly Param[]): Diagnostic | null {
  const place: FilePlace = { file: file.name, offset: null };
  const there = officialParams(known);
  const [found, needed] = [architectureOf(there), architectureOf(params)];
  if (found !== null && needed !== null && !sameArchitecture(found, needed)) {
    const [has, wants] = [printArchitecture(found), printArchitecture(needed)];
    return error("weights-architecture", place, has, wants, publishedName(found));
  }
  const [decoder, wanted] = [decoderOf(there), decoderOf(params)];
  if (decoder === null || wanted === null || sameDecoder(decoder, wanted)) return null;
  const [has, wants] = [printDecoder(decoder), printDecoder(wanted)];
  return withNote(error("weights-decoder", place, has, wants), `the spec says it with \`decoder { ${has} }\``);
}

/** A classifier's file serves the backbone of a detector too, and a state of pre-training both. */
function unused(
  file: TensorFile,
  { tensors, unknownTensors }: RenamedFile,
  params: readonly Param[],
): readonly Diagnostic[] {
  const wanted = new Set(params.map(({ name }) => name));
  const known = [...tensors].flatMap(([name, { tensor }]) => (wanted.has(name) ? [] : [tensor.name]));
  const spare = [...known, ...unknownTensors.map(({ name }) => name)];
  return unusedNames(file, spare);
}

/** Characters of a licence that goes on into what is compiled: its name or its address, not its text. */
const longestLicense = 2000;

function weights(
  file: TensorFile,
  { dialect, tensors }: RenamedFile,
  params: readonly Param[],
  checkValues: ValueCheck | undefined,
): Weights {
  const shapes = new Map(params.map(({ name, shape }) => [name, shape]));
  const stated = file.metadata.get("license");
  const license = stated === undefined ? undefined : cut(stated, longestLicense);
  const bound = (name: string) => {
    const found = tensors.get(name);
    const shape = shapes.get(name);
    invariant(found !== undefined && shape !== undefined, `no parameter '${name}' is bound in ${file.name}`);
    return { ...found, shape };
  };
  return {
    origin: file.name,
    ...(license === undefined ? {} : { license }),
    inFile: name => {
      const { tensor, known, shape } = bound(name);
      const ordered = (values: Float32Array) => floats(fromOfficial(known, dialect, shape, bytesOf(values), 4));
      return { name: tensor.name, shape: tensor.shape, ordered };
    },
    f32: async name => {
      const { tensor, known, shape } = bound(name);
      const values = await readF32(file, tensor.name);
      invariant(values.length === elements(tensor.shape), `'${name}' has ${values.length} values`);
      checkValues?.(name, tensor, values);
      return floats(toOfficial(known, dialect, shape, bytesOf(values), 4));
    },
  };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

const floats = ({ buffer, byteOffset, byteLength }: Uint8Array): Float32Array =>
  new Float32Array(buffer, byteOffset, byteLength / 4);

/** Sees the values of each parameter when they are read. */
type ValueCheck = (name: string, tensor: Tensor, values: Float32Array) => void;

/** Reports once a parameter, whoever reads it how often so ever. */
function valueChecker(params: readonly Param[], strict: boolean, report: (diagnostic: Diagnostic) => void): ValueCheck {
  const looked = new Set<string>();
  const grn = new Set(params.flatMap(({ name }) => (name.includes(".grn.") ? [name] : [])));
  let [idle, headIsZero] = [grn.size > 0, false];
  return (name, tensor, values) => {
    if (looked.has(name)) return;
    looked.add(name);
    const place = { file: tensor.place.file, offset: null };
    const isZero = (): boolean => values.every(value => value === 0);
    const problem = nonFinite(tensor, values, strict);
    if (problem !== null) report(problem);
    if (name === "head.weight") headIsZero = isZero();
    if (grn.delete(name)) {
      idle = idle && isZero();
      if (idle && grn.size === 0) report(warning("weights-grn-zero", place));
    }
    // A network before any training is told of by its GRN alone.
    if (!headIsZero || idle || grn.size > 0) return;
    headIsZero = false;
    report(warning("weights-head-zero", place));
  };
}

/** What names the first NaN or infinity, or null. */
function nonFinite({ name, dtype, place, dataAt }: Tensor, values: Float32Array, strict: boolean): Diagnostic | null {
  let first = -1;
  let [total, nan] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (Number.isFinite(value)) continue;
    if (first < 0) first = i;
    total++;
    if (Number.isNaN(value)) nan++;
  }
  if (first < 0) return null;
  const at: FilePlace = { file: place.file, offset: dataAt === null ? null : dataAt + first * dtypeBytes[dtype] };
  if (nan === values.length) return error("weights-all-nan", at, name);
  const args = [at, name, values[first] ?? Number.NaN, first, total] as const;
  return strict ? error("weights-not-finite", ...args) : warning("weights-nonfinite", ...args);
}
