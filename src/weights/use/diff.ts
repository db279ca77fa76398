import { capped } from "../../diagnostics/capped.ts";
import { type Diagnostic, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import { dtypeBytes, isWeightDType, toF32, weightDTypes } from "../dtype.ts";
import { isReversed, sameButOnes, toOfficial } from "../names/layouts.ts";
import { type OfficialTensor, officialTensor } from "../names/official.ts";
import { type RenamedFile, rename } from "../names/rename.ts";
import { joined } from "../pieces.ts";
import { elements, type TensorFile } from "../tensor.ts";
import { unusedNames } from "./unused.ts";

/** How far a tensor of the second file is from the first's. */
export interface TensorDifference {
  readonly name: string;
  /** Largest |b - a|; infinite where one is not finite and the other is not the same. */
  readonly maxAbs: number;
  /** The L2 norm of b - a over that of a; infinite where a is 0 and b is not. */
  readonly relL2: number;
}

/** All under official names. */
export interface WeightsDiff {
  readonly namings: readonly [string, string];
  readonly onlyFirst: readonly string[];
  readonly onlySecond: readonly string[];
  readonly otherShape: readonly { readonly name: string; readonly shapes: readonly (readonly number[])[] }[];
  readonly equal: readonly string[];
  /** Worst first. */
  readonly different: readonly TensorDifference[];
}

export interface DiffOptions {
  /** Tensors whose names no naming has are no difference, and get a warning. */
  readonly allowExtra?: boolean;
}

/** Two files' tensors, whatever their namings, layouts and element types; one pair of tensors is in memory at a time. */
export async function diffWeights(
  first: TensorFile,
  second: TensorFile,
  { allowExtra = false }: DiffOptions = {},
): Promise<Result<WeightsDiff>> {
  const [left, right] = [rename(first), rename(second)];
  if (!left.ok) return left;
  if (!right.ok) return right;
  const sides = [sideOf(first, left.value), sideOf(second, right.value)] as const;
  const problems = sides.flatMap(({ problems }) => problems);
  if (problems.length > 0) return fail(...capped(problems));
  const [a, b] = [sides[0].tensors, sides[1].tensors];
  const shared = [...a.keys()].filter(name => b.has(name));
  const otherShape: WeightsDiff["otherShape"][number][] = [];
  const equal: string[] = [];
  const different: TensorDifference[] = [];
  for (const name of shared) {
    const [one, other] = [a.get(name), b.get(name)] as [OfficialTensor, OfficialTensor];
    if (!sameButOnes(one.shape, other.shape)) {
      otherShape.push({ name, shapes: [one.shape, other.shape] });
      continue;
    }
    const difference = compare(name, await valuesOf(one), await valuesOf(other));
    if (difference === null) equal.push(name);
    else different.push(difference);
  }
  const only = (names: readonly string[], there: ReadonlyMap<string, unknown>) =>
    names.filter(name => !there.has(name));
  const strangers = [left.value, right.value].map(({ unknownTensors }) => unknownTensors.map(({ name }) => name));
  const [ours = [], theirs = []] = allowExtra ? [] : strangers;
  const told = [first, second].flatMap((file, k) => (allowExtra ? unusedNames(file, strangers[k] ?? []) : []));
  const found = {
    namings: [left.value.dialect, right.value.dialect] as const,
    onlyFirst: [...only([...a.keys()], b), ...ours],
    onlySecond: [...only([...b.keys()], a), ...theirs],
    otherShape,
    equal,
    different: different.sort((x, y) => y.relL2 - x.relL2 || y.maxAbs - x.maxAbs),
  };
  return ok(found, told);
}

/** A file's tensors under official names; those of shapes that no official one looks like count with their own. */
function sideOf(file: TensorFile, { dialect, tensors, problems }: RenamedFile) {
  const odd = [...tensors.values()].flatMap(({ tensor }): Diagnostic[] =>
    isWeightDType(tensor.dtype) ? [] : [error("weights-dtype", tensor.place, tensor.name, tensor.dtype, weightDTypes)],
  );
  const official = [...tensors].map(([name, found]) => {
    if (found.shape !== null) return [name, officialTensor(name, found, file, dialect)] as const;
    return [name, officialTensor(name, { ...found, shape: found.tensor.shape }, file, "official")] as const;
  });
  return { tensors: new Map<string, OfficialTensor>(official), problems: [...problems, ...odd] };
}

async function valuesOf({ known, dtype, shape, layout, bytes }: OfficialTensor): Promise<Float32Array> {
  const width = dtypeBytes[dtype];
  const whole = await joined(await bytes(), width * elements(shape));
  const ordered = isReversed(known, layout) ? toOfficial(known, layout, shape, whole, width) : whole;
  return isWeightDType(dtype) ? toF32[dtype](ordered) : new Float32Array();
}

/** Null where all values are the same; a NaN is the same as any other, 0 as -0. */
function compare(name: string, a: Float32Array, b: Float32Array): TensorDifference | null {
  let [maxAbs, squares, squaredErrors] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number];
    if (Number.isFinite(x)) squares += x * x;
    if (x === y || (Number.isNaN(x) && Number.isNaN(y))) continue;
    const off = Number.isFinite(x - y) ? Math.abs(y - x) : Number.POSITIVE_INFINITY;
    maxAbs = Math.max(maxAbs, off);
    squaredErrors += off * off;
  }
  return maxAbs === 0 ? null : { name, maxAbs, relL2: Math.sqrt(squaredErrors / squares) };
}
