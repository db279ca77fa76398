import { expect, test } from "vitest";
import { lowerToOnnx } from "../../../src/emit/onnx/lower.ts";
import { read } from "../../../src/graph/read.ts";

const emitted = (form: string) =>
  lowerToOnnx(
    read(`graph case {
  %x = input() : f32[N, 4, 4, 8]
  %v = gelu(%x) {form: ${form}} : f32[N, 4, 4, 8]
  return v: %v
}`),
    { opset: 17, carryBias: true, anySize: null },
  );

/** The chain that was emitted, worked out at one number with the constants as they are stored. */
function valueAt(form: string, x: number): number {
  const { nodes, initializers } = emitted(form);
  const values = new Map([["x", x]]);
  for (const initializer of initializers)
    if (initializer.kind === "literal") values.set(initializer.name, Number(initializer.data[0]));
  const ops: Readonly<Record<string, (a: number, b: number) => number>> = {
    Add: (a, b) => a + b,
    Mul: (a, b) => a * b,
    Div: (a, b) => a / b,
    Pow: (a, b) => a ** b,
    Tanh: a => Math.tanh(a),
    Erf: erf,
  };
  for (const { op, inputs, outputs } of nodes) {
    const [a = Number.NaN, b = Number.NaN] = inputs.map(name => values.get(name) ?? Number.NaN);
    values.set(outputs[0] as string, (ops[op] as (a: number, b: number) => number)(a, b));
  }
  return values.get("v") ?? Number.NaN;
}

/** erf by its Taylor series, which is exact to the last bits for arguments this small. */
function erf(x: number): number {
  let [term, sum] = [x, x];
  for (let n = 1; n < 60; n++) {
    term *= -(x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

/** The formulas, with every constant rounded to f32, which is how ONNX holds it. */
const { fround } = Math;
const formulas: Readonly<Record<string, (x: number) => number>> = {
  erf: x => x * (1 + erf(x / fround(Math.SQRT2))) * 0.5,
  tanh: x => 0.5 * x * (1 + Math.tanh(fround(Math.sqrt(2 / Math.PI)) * (x + fround(0.044715) * x ** 3))),
};

test.each(["erf", "tanh"])("before opset 20, %s is spelt out with the constants of its formula", form => {
  const formula = formulas[form] as (x: number) => number;
  for (const x of [-2.5, -1, -0.1, 0.3, 1, 2, 2.7]) expect(valueAt(form, x)).toBeCloseTo(formula(x), 14);
});

test.each([
  ["erf", [Math.SQRT2, 1, 0.5]],
  ["tanh", [3, 0.044715, Math.sqrt(2 / Math.PI), 0.5, 1]],
] as const)("the constants of %s are %j in f32", (form, constants) => {
  const found = emitted(form).initializers.map(each => (each.kind === "literal" ? [...each.data] : []));
  expect(found.flat().sort()).toEqual([...constants].map(fround).sort());
});
