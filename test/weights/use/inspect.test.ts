import { expect, test } from "vitest";
import { inspectWeights } from "../../../src/weights/use/inspect.ts";
import { goldenParams, readGolden } from "../../support/golden.ts";
import { fileOf, type Row } from "../../support/tensor-file.ts";
import { must } from "../../syntax/support.ts";

const rows: readonly Row[] = goldenParams(readGolden("dense/micro-64x64-b2"));
const inspect = (of: readonly Row[]) => must(inspectWeights(fileOf(of)));

test("what a file of weights says of its model", () => {
  const parameters = rows.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  expect(inspect(rows)).toMatchObject({
    dialect: "official",
    size: null,
    architecture: { depths: [1, 1, 2, 1], dims: [8, 16, 24, 40] },
    channels: 3,
    stemPatch: 4,
    overlap: null,
    kernels: [7, 7, 7, 7],
    mlpRatio: 4,
    classes: 10,
    hiddenSize: null,
    decoder: null,
    parameters,
    bytes: 4 * parameters,
    tensors: { F32: rows.length },
    unknown: [],
    misshapen: [],
  });
});

test("a ratio that is no whole number is none, and a shape that does not fit the others is named", () => {
  const odd = rows.map(row => {
    const shape = row.shape.map(size => (size === 32 ? 30 : size));
    return /^stages\.0\./.test(row.name) ? { ...row, shape } : row;
  });
  expect(inspect(odd).mlpRatio).toBeNull();
  const one = rows.map(row => (row.name === "stages.0.0.norm.bias" ? { ...row, shape: [9] } : row));
  expect(inspect(one).misshapen).toEqual(["stages.0.0.norm.bias"]);
});
