import { argmax, maxDifference, relL2 } from "./errors.ts";

/** What an executor gave under the names of the graph: row-major, the batch first. */
export type Outputs = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: ArrayLike<number> }>;

/** One value of the graph, beside the same of the reference. */
export interface ValueError {
  readonly name: string;
  readonly shape: readonly number[];
  readonly relL2: number;
  readonly maxDifference: number;
  readonly right: boolean;
}

export interface Comparison {
  /** In the order of the graph. */
  readonly values: readonly ValueError[];
  /** The first that leaves tolerance. */
  readonly first: ValueError | null;
  /** The farthest off, by its relative error. */
  readonly worst: ValueError;
  /** Images whose largest logit is that of the reference, and all of them; null without logits. */
  readonly top1: { readonly same: number; readonly of: number } | null;
}

/** Every value of the reference against what an executor gave for it. A missing one counts as wrong. */
export function compare(reference: Outputs, found: Outputs, limit: number): Comparison {
  const values = [...reference].map(([name, { shape, data }]): ValueError => {
    const given = found.get(name)?.data ?? [];
    const off = relL2(given, data);
    return { name, shape, relL2: off, maxDifference: maxDifference(given, data), right: off <= limit };
  });
  const [start] = values;
  if (start === undefined) throw new Error("there is nothing to compare");
  const worse = (a: ValueError, b: ValueError): boolean => !Number.isNaN(a.relL2) && !(b.relL2 <= a.relL2); // NaN is the worst
  return {
    values,
    first: values.find(({ right }) => !right) ?? null,
    worst: values.reduce((a, b) => (worse(a, b) ? b : a), start),
    top1: topClasses(reference, found),
  };
}

function topClasses(reference: Outputs, found: Outputs): Comparison["top1"] {
  const [wanted, given] = [reference.get("logits"), found.get("logits")];
  if (!wanted || !given) return null;
  const [images = 0, classes = 0] = wanted.shape;
  if (classes === 0) return null;
  const same = Array.from({ length: images }, (_, image) => image * classes).filter(
    start => argmax(wanted.data, start, classes) === argmax(given.data, start, classes),
  );
  return { same: same.length, of: images };
}
