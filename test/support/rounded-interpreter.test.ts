import { expect, test } from "vitest";
import { apply, type Values } from "../../src/graph/evaluate.ts";
import { type Node, nodeOf } from "../../src/graph/graph.ts";
import { read } from "../../src/graph/read.ts";
import { learningCase } from "../graph/learning-case.ts";
import { family } from "../graph/random-learners.ts";
import { applyRounded } from "./rounded-interpreter.ts";

const node = (...lines: readonly string[]): Node =>
  nodeOf(read(["graph one {", ...lines, "return y: %y", "}"].join("\n")), "y");
const tensor = (shape: readonly number[], value: (index: number) => number): Values => ({
  shape,
  data: Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, index) => Math.fround(value(index))),
});

const isSame = (found: Values, wanted: Values): boolean =>
  found.shape.join() === wanted.shape.join() && found.data.every((value, i) => Object.is(value, wanted.data[i]));

test("without rounding it is the interpreter, in all ops of some models", async () => {
  const exact = applyRounded(value => value);
  const ops = new Set<string>();
  for (const learner of family(0).slice(0, 6)) {
    const { graphs, values } = await learningCase(learner);
    const known = new Map(values);
    for (const one of graphs.folded.nodes.values()) {
      if (known.has(one.id)) continue;
      const operands = one.inputs.map(id => known.get(id) as Values);
      const wanted = apply(one, operands);
      expect(isSame(exact(one, operands), wanted), `${one.op} of seed ${learner.seed}`).toBe(true);
      known.set(one.id, wanted);
      ops.add(one.op);
    }
  }
  expect(ops.size).toBeGreaterThan(30);
});

test("every product and every sum of a row is rounded, in order", () => {
  const linear = node(
    "%x = input() : f32[N, 1, 1, 64]",
    "%w = param() : f32[1, 64]",
    "%b = param() : f32[1]",
    "%y = linear(%x, %w, %b) : f32[N, 1, 1, 1]",
  );
  const [x, w, b] = [tensor([1, 1, 1, 64], Math.sin), tensor([1, 64], Math.cos), tensor([1], () => 0.1)];
  let sum = 0;
  for (let i = 0; i < 64; i++) sum = Math.fround(sum + Math.fround((x.data[i] as number) * (w.data[i] as number)));
  expect(applyRounded(Math.fround)(linear, [x, w, b]).data[0]).toBe(Math.fround((b.data[0] as number) + sum));
  expect(apply(linear, [x, w, b]).data[0]).not.toBe(Math.fround((b.data[0] as number) + sum));
});

test("indices of a large map are what they are, though all else is rounded up", () => {
  const up = (value: number): number => {
    const near = Math.fround(value);
    return near >= value ? near : Math.fround(value + Math.abs(value) * 2 ** -23);
  };
  const first = node("%x = input() : f32[N, 333, 333, 3]", "%y = toChannelsFirst(%x) : f32[N, 3, 333, 333]");
  const map = tensor([2, 333, 333, 3], index => index);
  expect(isSame(applyRounded(up)(first, [map]), apply(first, [map]))).toBe(true);
});
