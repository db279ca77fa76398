import { type Diagnostic, type FilePlace, fail, ok, type Result } from "../diagnostics/diagnostic.ts";
import { invariant } from "../diagnostics/invariant.ts";
import { error, warning, withNote } from "../diagnostics/messages.ts";
import { nearestOf } from "../diagnostics/nearest.ts";
import { architectureOf, printArchitecture, publishedName, sameArchitecture } from "./architecture.ts";
import { dtypeBytes, isWeightDType, weightDTypes } from "./dtype.ts";
import { type Dialect, detectDialect, sameButOnes, translate } from "./names.ts";
import { elements, type Param, readF32, type Tensor, type TensorFile, type Weights } from "./tensor.ts";

/** Problems told one by one; the rest is counted. */
const maxListed = 20;
/** Names a suggestion is chosen from; it is a courtesy, and a hostile file may have 65,536. */
const maxCandidates = 1000;

/**
 * A file's tensors as a model's parameters, whichever dialect they are named in. Told all at once: parameters that are
 * missing, tensors that no parameter wants, shapes and element types that do not fit; tensors of another head than the
 * model's are left with a warning. Reads no data. With `report`, the first `f32` of a parameter looks for NaN and
 * infinities in what it has read, and warns.
 */
export async function bindWeights(
  file: TensorFile,
  params: readonly Param[],
  report?: (diagnostic: Diagnostic) => void,
): Promise<Result<Weights>> {
  const names = [...file.tensors.keys()];
  const dialect = detectDialect(names);
  if (dialect === null && params.length > 0) return fail(unknownNames(file, names));

  const known = rename(file, dialect ?? "official");
  const other = otherArchitecture(file, known.tensors, params);
  if (other !== null) return fail(other);

  const problems = [...known.problems, ...misfits(file, known, params)];
  if (problems.length > 0) return fail(...capped(problems));
  return ok(weights(file, known.tensors, report), unused(file, known, params));
}

interface Renamed {
  /** By official name. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Official names of parts that another head may do without. */
  readonly heads: ReadonlySet<string>;
  /** Tensors whose names the dialect does not know. */
  readonly strangers: readonly Tensor[];
  readonly problems: readonly Diagnostic[];
}

function rename(file: TensorFile, dialect: Dialect): Renamed {
  const tensors = new Map<string, Tensor>();
  const heads = new Set<string>();
  const strangers: Tensor[] = [];
  const problems: Diagnostic[] = [];
  for (const tensor of file.tensors.values()) {
    const known = translate(tensor.name, dialect, "official");
    if (known === null) {
      strangers.push(tensor);
      continue;
    }
    const twin = tensors.get(known.name);
    if (twin !== undefined) {
      const twice = error("weights-two-names", tensor.place, known.name, twin.name, tensor.name);
      problems.push(withNote(twice, "the other is declared here", twin.place));
    }
    tensors.set(known.name, tensor);
    if (known.part === "head") heads.add(known.name);
  }
  return { tensors, heads, strangers, problems };
}

/** Nothing in the file is named as in any dialect: why might that be? */
function unknownNames(file: TensorFile, names: readonly string[]): Diagnostic {
  const place: FilePlace = { file: file.name, offset: null };
  const prefix = commonPrefix(names);
  if (prefix !== "" && detectDialect(names.map(name => name.slice(prefix.length))) !== null) {
    const cut = "save the inner module's state_dict, or rename the tensors without the prefix";
    const hint = prefix === "module." ? "DataParallel adds it: save model.module.state_dict()" : cut;
    return withNote(error("weights-prefix", place, prefix), hint);
  }
  const sparse = names.find(name => /\.(kernel|ln\.weight|linear\.weight)$/.test(name));
  if (sparse !== undefined) {
    const hint = "convert it with remap_checkpoint_keys of the official repository";
    return withNote(error("weights-sparse", file.tensors.get(sparse)?.place ?? place, sparse), hint);
  }
  return error("weights-unknown-names", place, names.slice(0, 3));
}

/** What all names begin with, up to and with a dot. */
function commonPrefix([first = "", ...names]: readonly string[]): string {
  let length = first.length;
  for (const name of names) while (!name.startsWith(first.slice(0, length))) length--;
  return first.slice(0, first.lastIndexOf(".", length - 1) + 1);
}

/** Another size of the family: one sentence instead of two hundred misfits. */
function otherArchitecture(
  file: TensorFile,
  tensors: ReadonlyMap<string, Tensor>,
  params: readonly Param[],
): Diagnostic | null {
  const found = architectureOf([...tensors].map(([name, { shape }]) => ({ name, shape })));
  const needed = architectureOf(params);
  if (found === null || needed === null || sameArchitecture(found, needed)) return null;
  const place: FilePlace = { file: file.name, offset: null };
  return error(
    "weights-architecture",
    place,
    printArchitecture(found),
    printArchitecture(needed),
    publishedName(found),
  );
}

function misfits(file: TensorFile, { tensors, heads, strangers }: Renamed, params: readonly Param[]): Diagnostic[] {
  const wanted = new Set(params.map(({ name }) => name));
  const spare = [...tensors].filter(([name]) => !wanted.has(name) && !heads.has(name)).map(([, tensor]) => tensor);
  const extra = [...spare, ...strangers];
  const nearestExtra = nearestOf(extra.slice(0, maxCandidates).map(({ name }) => name));
  const missing = params.filter(({ name }) => !tensors.has(name));
  const nearestMissing = nearestOf(missing.slice(0, maxCandidates).map(({ name }) => name));
  const place: FilePlace = { file: file.name, offset: null };

  const shapes = params.flatMap(({ name, shape }) => {
    const tensor = tensors.get(name);
    if (tensor === undefined || sameButOnes(tensor.shape, shape)) return [];
    return [error("weights-shape", tensor.place, tensor.name, tensor.shape, shape)];
  });
  const dtypes = params.flatMap(({ name }) => {
    const tensor = tensors.get(name);
    if (tensor === undefined || isWeightDType(tensor.dtype)) return [];
    return [error("weights-dtype", tensor.place, tensor.name, tensor.dtype, weightDTypes)];
  });
  const lacks = missing.map(({ name, shape }, k) =>
    error("weights-missing", place, name, shape, k < maxListed ? nearestExtra(name) : null),
  );
  const extras = extra.map((tensor, k) =>
    error("weights-extra", tensor.place, tensor.name, k < maxListed ? nearestMissing(tensor.name) : null),
  );
  return [...shapes, ...dtypes, ...lacks, ...extras];
}

function capped(problems: readonly Diagnostic[]): readonly Diagnostic[] {
  const listed = problems.slice(0, maxListed);
  const last = listed.pop();
  if (last === undefined || problems.length <= maxListed) return problems;
  return [...listed, withNote(last, `and ${problems.length - maxListed} more tensors do not fit`)];
}

/** A classifier's file serves the backbone of a detector too. */
function unused(file: TensorFile, { tensors, heads }: Renamed, params: readonly Param[]): readonly Diagnostic[] {
  const wanted = new Set(params.map(({ name }) => name));
  const spare = [...heads].filter(name => !wanted.has(name)).map(name => tensors.get(name)?.name ?? name);
  if (spare.length === 0) return [];
  return [warning("weights-unused", { file: file.name, offset: null }, spare.slice(0, maxListed))];
}

function weights(
  file: TensorFile,
  tensors: ReadonlyMap<string, Tensor>,
  report: ((diagnostic: Diagnostic) => void) | undefined,
): Weights {
  const looked = new Set<string>();
  return {
    origin: file.name,
    f32: async name => {
      const tensor = tensors.get(name);
      invariant(tensor !== undefined, `no parameter '${name}' is bound in ${file.name}`);
      const values = await readF32(file, tensor.name);
      invariant(values.length === elements(tensor.shape), `'${name}' has ${values.length} values`);
      const found = report === undefined || looked.has(name) ? null : nonFinite(tensor, values);
      looked.add(name);
      if (found !== null) report?.(found);
      return values;
    },
  };
}

/** A warning that names the first NaN or infinity, or null. */
function nonFinite({ name, dtype, place, dataAt }: Tensor, values: Float32Array): Diagnostic | null {
  let first = -1;
  let total = 0;
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) continue;
    if (first < 0) first = i;
    total++;
  }
  if (first < 0) return null;
  const at: FilePlace = { file: place.file, offset: dataAt + first * dtypeBytes[dtype] };
  return warning("weights-nonfinite", at, name, values[first] ?? Number.NaN, first, total);
}
