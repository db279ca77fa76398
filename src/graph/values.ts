import { invariant } from "../diagnostics/invariant.ts";

// What the formulas of the interpreter are written with: plain loops over row-major float64 values.

/** Row-major values of one tensor. */
export interface Values {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export type Operands = readonly Values[];

export function pick(operands: Operands, count: number): readonly Values[] {
  invariant(operands.length === count, `takes ${count} operands`);
  return operands;
}

export const at = (data: Float64Array, index: number): number => data[index] as number;
export const dim = (values: Values, index: number): number => values.shape.at(index) as number;
export const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
export const empty = (shape: readonly number[]): Values => ({ shape, data: new Float64Array(size(shape)) });
export const map = (x: Values, f: (value: number, index: number) => number): Values => ({
  shape: x.shape,
  data: x.data.map(f),
});

/** Σ of `count` products. Half of the interpreter's time goes here: its loops read the arrays without a call. */
export function dot(x: Float64Array, fromX: number, y: Float64Array, fromY: number, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += (x[fromX + i] as number) * (y[fromY + i] as number);
  return sum;
}

/** y += by·x, of `count` elements. */
export function axpy(by: number, x: Float64Array, fromX: number, y: Float64Array, fromY: number, count: number): void {
  for (let i = 0; i < count; i++) y[fromY + i] = (y[fromY + i] as number) + by * (x[fromX + i] as number);
}

/** Rows of the last dimension, each replaced by row − mean, times what is made of the sum of its squared deviations. */
export function centreRows(x: Values, scaleOf: (squares: number) => number): Values {
  const c = dim(x, -1);
  const out = empty(x.shape);
  for (let row = 0; row < x.data.length; row += c) {
    let mean = 0;
    for (let i = 0; i < c; i++) mean += at(x.data, row + i);
    mean /= c;
    let squares = 0;
    for (let i = 0; i < c; i++) squares += (at(x.data, row + i) - mean) ** 2;
    const scale = scaleOf(squares);
    for (let i = 0; i < c; i++) out.data[row + i] = (at(x.data, row + i) - mean) * scale;
  }
  return out;
}

/** Of each row of the last dimension 1/√(s + eps), s the mean square or the unbiased variance, and what u and n then are. */
export function rowScales(x: Values, eps: number, by: "square" | "deviation") {
  const c = dim(x, -1);
  const rows = Array.from({ length: x.data.length / c }, (_, row) => {
    const values = x.data.subarray(row * c, (row + 1) * c);
    const centre = by === "square" ? 0 : values.reduce((sum, v) => sum + v, 0) / c;
    const count = by === "square" ? c : c - 1;
    const squares = values.reduce((sum, v) => sum + (v - centre) ** 2, 0) / count;
    return { scale: 1 / Math.sqrt(squares + eps), centre, count };
  });
  return {
    row: (i: number): number => Math.floor(i / c),
    of: (row: number) => rows[row] as (typeof rows)[number],
  };
}

/** Every element of a map with its image, row, column and channel. */
export function eachSite(
  shape: readonly number[],
  visit: (index: number, image: number, row: number, column: number, c: number) => void,
): void {
  const [n, h, w, channels] = shape as [number, number, number, number];
  let index = 0;
  for (let image = 0; image < n; image++)
    for (let row = 0; row < h; row++)
      for (let column = 0; column < w; column++)
        for (let c = 0; c < channels; c++) visit(index++, image, row, column, c);
}
