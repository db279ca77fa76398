import { expect } from "vitest";
import { apply, type Values } from "../../src/graph/evaluate.ts";
import type { Graph, ValueId } from "../../src/graph/graph.ts";
import { choices } from "../../src/model/choices.ts";
import { applyRounded } from "./rounded-interpreter.ts";
import { float32, relL2 } from "./tolerance.ts";

/** A graph, and its inputs and parameters. */
export interface Given {
  readonly graph: Graph;
  readonly values: ReadonlyMap<ValueId, Values>;
}

/** All outputs by name, as `compute` has the ops. */
function outputsOf({ graph, values }: Given, compute: typeof apply): ReadonlyMap<string, Float64Array> {
  const known = new Map<ValueId, Values>();
  for (const node of graph.nodes.values()) {
    const operands = node.inputs.map(id => known.get(id) as Values);
    known.set(node.id, values.get(node.id) ?? compute(node, operands));
  }
  return new Map(graph.outputs.map(({ name, value }) => [name, (known.get(value) as Values).data]));
}

const single = new Float32Array(1);
const bits = new Int32Array(single.buffer);

/** One of the two float32 next to a value, the nearer the likelier; what is one stays as it is. */
function roundAtRandom(): (value: number) => number {
  const { int } = choices(1);
  return value => {
    const near = Math.fround(value);
    if (near === value || near === 0 || !Number.isFinite(near)) return near;
    single[0] = near;
    bits[0] = (bits[0] as number) + (value > near === near > 0 ? 1 : -1);
    const other = single[0] as number;
    return int(0, 2 ** 20) * Math.abs(other - near) < Math.abs(value - near) * 2 ** 20 ? other : near;
  };
}

const evaluations = 16;

/** The outputs in float32, in which whatever the formulas add, multiply, divide or take a root of is rounded at random. */
function roundedOutputs(given: Given): readonly ReadonlyMap<string, Float64Array>[] {
  const round = roundAtRandom();
  const inner = applyRounded(round);
  const compute: typeof apply = (node, operands) => {
    const { shape, data } = inner(node, operands);
    return { shape, data: data.map(round) };
  };
  return Array.from({ length: evaluations }, () => outputsOf(given, compute));
}

function roundingErrors(given: Given): ReadonlyMap<string, number> {
  const exact = outputsOf(given, apply);
  const rounded = roundedOutputs(given);
  return new Map(
    [...exact].map(([name, data]) => {
      const squares = rounded.map(outputs => relL2(outputs.get(name) as Float64Array, data) ** 2);
      return [name, Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / evaluations)];
    }),
  );
}

const measured = new WeakMap<Given, ReadonlyMap<string, number>>();

/**
 * How far rounding alone takes an output, relative in l2: the rms of sixteen evaluations in float32, each result of whose
 * arithmetic is rounded up or down at random. So terms which cancel are seen wherever they do: between ops, within a sum,
 * and within a formula. All outputs of the same object are measured at once.
 */
export function roundingError(given: Given, output: string): number {
  const errors = measured.get(given) ?? roundingErrors(given);
  measured.set(given, errors);
  return errors.get(output) as number;
}

/** A single number may be four standard deviations off. */
const timesRounding = 4;

/**
 * What is left of terms that cancel has few digits in any float32, be it a single logit or the one site of one channel that
 * a mask keeps: where rounding takes such an output to the limit, its error may be a multiple of what rounding does.
 */
export function expectRounded(given: Given, output: string, error: number, what: string, limit: number): void {
  if (error < limit) return;
  expect(error, what).toBeLessThan(Math.max(limit, timesRounding * roundingError(given, output)));
}

/** An output of a random model against the interpreter's, within the limit of a float32 backend, or of rounding. */
export function expectFloat32(
  given: Given,
  output: string,
  found: ArrayLike<number>,
  wanted: ArrayLike<number>,
  what: string,
  limit: number = float32.logitsRelL2,
): void {
  expectRounded(given, output, relL2(found, wanted), what, limit);
}
