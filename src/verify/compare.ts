import { argmax, hasSharedNaN, maxDifference, relL2 } from "./errors.ts";

/** What an executor gave under the names of the graph: row-major, the batch first. */
export type Outputs = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: ArrayLike<number> }>;

/** One value of the graph, beside the same of the reference. */
export interface ValueError {
  readonly name: string;
  readonly shape: readonly number[];
  readonly relL2: number;
  readonly maxDifference: number;
  readonly answer: Answer;
}

/** What is NaN in both tells nothing of an executor, and is no right answer either. */
export type Answer = "right" | "wrong" | "NaN in both";

export interface Comparison {
  /** In the order of the graph. */
  readonly values: readonly ValueError[];
  /** The first that leaves tolerance. */
  readonly first: ValueError | null;
  /** The farthest off, by its relative error. */
  readonly worst: ValueError;
  /** Images whose largest logit is that of the reference, and all whose logits there are numbers; null without logits. */
  readonly top1: { readonly same: number; readonly of: number } | null;
}

/**
 * Every value of the reference against what an executor gave for it, `floor` as of `relL2`. A missing one is wrong, and so
 * is one that holds a NaN in both.
 */
export function compare(reference: Outputs, found: Outputs, limit: number, floor = 0): Comparison {
  const values = [...reference].map(([name, { shape, data }]): ValueError => {
    const given = found.get(name)?.data ?? [];
    const off = relL2(given, data, floor);
    const answer = !(off <= limit) ? "wrong" : hasSharedNaN(given, data) ? "NaN in both" : "right";
    return { name, shape, relL2: off, maxDifference: maxDifference(given, data), answer };
  });
  const [start] = values;
  if (start === undefined) throw new Error("there is nothing to compare");
  return {
    values,
    first: values.find(({ answer }) => answer !== "right") ?? null,
    worst: values.reduce((a, b) => (isWorse(a, b) ? b : a), start),
    top1: topClasses(reference, found),
  };
}

/** Whether `b` is farther off than `a`: what is not a number is the worst. */
function isWorse(a: ValueError, b: ValueError): boolean {
  const isNoNumber = ({ relL2, answer }: ValueError): boolean => Number.isNaN(relL2) || answer === "NaN in both";
  return !isNoNumber(a) && (isNoNumber(b) || b.relL2 > a.relL2);
}

function topClasses(reference: Outputs, found: Outputs): Comparison["top1"] {
  const [wanted, given] = [reference.get("logits"), found.get("logits")];
  if (!wanted || !given) return null;
  const [images = 0, classes = 0] = wanted.shape;
  if (classes === 0) return null;
  const top = ({ data }: typeof wanted, start: number): number | null => argmax(data, start, classes);
  const starts = Array.from({ length: images }, (_, image) => image * classes).filter(s => top(wanted, s) !== null);
  return { same: starts.filter(start => top(wanted, start) === top(given, start)).length, of: starts.length };
}

/** Of all values together. */
export function answerOf(comparisons: readonly (Comparison | null)[]): Answer {
  const answers = new Set(comparisons.flatMap(one => one?.values.map(({ answer }) => answer) ?? []));
  return answers.has("wrong") ? "wrong" : answers.has("NaN in both") ? "NaN in both" : "right";
}
