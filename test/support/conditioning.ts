import { expect } from "vitest";
import { apply, type Values } from "../../src/graph/evaluate.ts";
import type { Graph, ValueId } from "../../src/graph/graph.ts";
import { choices } from "../../src/model/choices.ts";
import { float32, relL2 } from "./tolerance.ts";

/** A graph, and its inputs and parameters. */
interface Given {
  readonly graph: Graph;
  readonly values: ReadonlyMap<ValueId, Values>;
}

/** One output, with every weight and every value that an op makes changed by `round`. */
function outputOf({ graph, values }: Given, output: string, round: (value: number) => number): Float64Array {
  const known = new Map<ValueId, Values>();
  for (const node of graph.nodes.values()) {
    const operands = node.inputs.map(id => known.get(id) as Values);
    const exact = values.get(node.id) ?? apply(node, operands);
    known.set(node.id, node.op === "input" ? exact : { shape: exact.shape, data: exact.data.map(round) });
  }
  const id = graph.outputs.find(({ name }) => name === output)?.value ?? "";
  return (known.get(id) as Values).data;
}

/**
 * How far rounding alone takes an output, relative in l2: the rms of sixteen evaluations in which every weight and every
 * value is off by up to half a unit in the last place of float32, at random. A weight's stands for its product's, so that
 * terms which cancel within a sum are seen as well as those which cancel between ops.
 */
export function roundingError(given: Given, output: string): number {
  const { int } = choices(1);
  const exact = outputOf(given, output, value => value);
  const steps = 2 ** 20;
  const rounded = (value: number): number => value * (1 + (int(-steps, steps) / steps) * 2 ** -24);
  const squares = Array.from({ length: 16 }, () => relL2(outputOf(given, output, rounded), exact) ** 2);
  return Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / squares.length);
}

/** A single number may be four standard deviations off, and a sum rounds more than its terms: about twice as much. */
const timesRounding = 8;

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
