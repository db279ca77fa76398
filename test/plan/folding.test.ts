import { describe, expect, test } from "vitest";
import { evaluate, type Values } from "../../src/graph/evaluate.ts";
import { elements, resolve } from "../../src/graph/graph.ts";
import { read } from "../../src/graph/read.ts";
import type { FoldOp } from "../../src/plan/kernels.ts";
import { folding } from "../../src/plan/lower/folding.ts";
import { choices } from "../support/models.ts";

const head = `graph layer {
  %x = input() : f32[N, 3]
  %w = param() : f32[2, 3]
  %b = param() : f32[2]
  %s = param() : f32[3]
  %v = param() : f32[3]
  %t = param() : f32[2]`;

/** The graph of a layer whose weight and bias are made by these lines, the last of which are the layer's. */
const layer = (lines: readonly string[], weight: string, bias: string) =>
  read(
    [head, ...lines, `%y = linear(%x, %${weight}, %${bias}) : f32[N, 2]`, `return y: %y`].join("\n  ").concat("\n}\n"),
  );

const folded = (lines: readonly string[], weight: string, bias: string) => {
  const { fold, reads, turned } = folding(layer(lines, weight, bias), weight, bias);
  expect(turned).toBe(undefined);
  return { fold, reads };
};

describe("weight-only nodes are the steps of a program", () => {
  test("none", () => {
    expect(folded([], "w", "b")).toEqual({ fold: [], reads: { weight: "w", bias: "b" } });
  });

  test("a bias that goes through the weight before its scale comes first", () => {
    const lines = ["%w1 = scaleInputs(%w, %s) : f32[2, 3]", "%b1 = biasThrough(%b, %w, %v) : f32[2]"];
    expect(folded(lines, "w1", "b1")).toEqual({
      fold: [
        { op: "biasThrough", by: "input_shift" },
        { op: "scaleInputs", by: "input_scale" },
      ],
      reads: { weight: "w", bias: "b", input_shift: "v", input_scale: "s" },
    });
  });

  test("one that goes through the scaled weight comes after", () => {
    const lines = ["%w1 = scaleInputs(%w, %s) : f32[2, 3]", "%b1 = biasThrough(%b, %w1, %v) : f32[2]"];
    expect(folded(lines, "w1", "b1").fold.map(({ op }) => op)).toEqual(["scaleInputs", "biasThrough"]);
  });

  test("vectors of one kind have numbers, one vector has one role", () => {
    const lines = [
      "%w1 = scaleInputs(%w, %s) : f32[2, 3]",
      "%w2 = scaleInputs(%w1, %v) : f32[2, 3]",
      "%w3 = scaleInputs(%w2, %s) : f32[2, 3]",
      "%w4 = scaleOutputs(%w3, %t) : f32[2, 3]",
      "%b1 = scaleOutputs(%b, %t) : f32[2]",
    ];
    const { fold, reads } = folded(lines, "w4", "b1");
    expect(reads).toEqual({ weight: "w", bias: "b", input_scale: "s", input_scale_2: "v", output_scale: "t" });
    expect(fold.filter(({ op }) => op === "scaleInputs").map(({ by }) => by)).toEqual([
      "input_scale",
      "input_scale_2",
      "input_scale",
    ]);
  });
});

test("a weight that is turned for gradients keeps its steps, and has no bias", () => {
  const lines = [
    "%w1 = scaleInputs(%w, %s) : f32[2, 3]",
    "%w2 = transpose(%w1) : f32[3, 2]",
    "%zeros = constant() {value: 0} : f32[3]",
    "%d = input() : f32[N, 2]",
    "%back = linear(%d, %w2, %zeros) : f32[N, 3]",
  ];
  const { fold, reads, turned, shape } = folding(layer(lines, "w", "b"), "w2", "zeros");
  expect({ fold, reads, turned, shape }).toEqual({
    fold: [{ op: "scaleInputs", by: "input_scale" }],
    reads: { weight: "w", input_scale: "s" },
    turned: "transposed",
    shape: [2, 3],
  });
});

describe("what is no such program is refused", () => {
  test("a bias that goes through another layer's weight", () => {
    const lines = ["%other = param() : f32[2, 3]", "%b1 = biasThrough(%b, %other, %v) : f32[2]"];
    expect(() => folded(lines, "w", "b1")).toThrow(
      "'b1' goes through 'other', which its layer's weight is not made of",
    );
  });

  test("one that goes through a weight that its layer does not have", () => {
    const lines = ["%w1 = scaleInputs(%w, %s) : f32[2, 3]", "%b1 = biasThrough(%b, %w1, %v) : f32[2]"];
    expect(() => folded(lines, "w", "b1")).toThrow("'b1' goes through 'w1'");
  });

  test("one that goes back to a weight of before", () => {
    const lines = [
      "%w1 = scaleInputs(%w, %s) : f32[2, 3]",
      "%b1 = biasThrough(%b, %w1, %v) : f32[2]",
      "%b2 = biasThrough(%b1, %w, %v) : f32[2]",
    ];
    expect(() => folded(lines, "w1", "b2")).toThrow("'b1' goes through 'w1'");
  });

  test("a weight that is computed", () => {
    const lines = ["%w1 = gelu(%w) {form: erf} : f32[2, 3]"];
    expect(() => folded(lines, "w1", "b")).toThrow("no kernel packs 'w1' and 'b'");
  });

  test("a bias that is computed", () => {
    const lines = ["%b1 = gelu(%b) {form: erf} : f32[2]"];
    expect(() => folded(lines, "w", "b1")).toThrow("no kernel packs 'w' and 'b1'");
  });
});

type State = readonly [weight: readonly (readonly number[])[], bias: readonly number[]];
const at = (f: readonly number[], i: number): number => f[i] as number;

/** What a step makes of a weight [2,3] and a bias [2]. */
const done: Readonly<Record<FoldOp, (before: State, f: readonly number[]) => State>> = {
  scaleInputs: ([w, b], f) => [w.map(row => row.map((value, c) => value * at(f, c))), b],
  scaleOutputs: ([w, b], f) => [w.map((row, n) => row.map(value => value * at(f, n))), b],
  scaleBias: ([w, b], f) => [w, b.map((value, n) => value * at(f, n))],
  biasThrough: ([w, b], f) => [w, w.map((row, n) => row.reduce((sum, value, c) => sum + value * at(f, c), at(b, n)))],
};

test("the steps of random programs give the interpreter's numbers", () => {
  const { int, pick } = choices(1);
  for (let i = 0; i < 200; i++) {
    let [w, b] = ["w", "b"];
    const lines = Array.from({ length: int(0, 8) }, (_, step) => {
      const [next, input] = [`n${step}`, pick(["s", "v"])];
      const [made, line] = pick([
        ["w", `scaleInputs(%${w}, %${input}) : f32[2, 3]`],
        ["w", `scaleOutputs(%${w}, %t) : f32[2, 3]`],
        ["b", `scaleOutputs(%${b}, %t) : f32[2]`],
        ["b", `biasThrough(%${b}, %${w}, %${input}) : f32[2]`],
      ] as const);
      if (made === "w") w = next;
      else b = next;
      return `%${next} = ${line}`;
    });
    const graph = layer(lines, w, b);
    const values = new Map<string, Values>();
    for (const { id, op, type } of graph.nodes.values()) {
      const shape = resolve(type.shape, 1);
      const length = elements(type);
      if (op === "param") values.set(id, { shape, data: Float64Array.from({ length }, () => int(-9, 9) / 4) });
    }
    const outputs = [w, b].map(value => ({ name: value, value }));
    const wanted = evaluate(
      { ...graph, nodes: new Map([...graph.nodes].filter(([id]) => id !== "x" && id !== "y")), outputs },
      values,
    );

    const { fold, reads } = folding(graph, w, b);
    const roles = new Map(Object.entries(reads));
    const numbers = (role: string): number[] => [...(values.get(roles.get(role) ?? "")?.data ?? [])];
    const flat = numbers("weight");
    const before: State = [[flat.slice(0, 3), flat.slice(3)], numbers("bias")];
    const [weight, bias] = fold.reduce((state, { op, by }) => done[op](state, numbers(by)), before);
    expect(weight.flat(), fold.map(({ op }) => op).join()).toEqual([...(wanted.get(w)?.data ?? [])]);
    expect(bias, fold.map(({ op }) => op).join()).toEqual([...(wanted.get(b)?.data ?? [])]);
  }
});
