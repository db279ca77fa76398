import { describe, expect, test } from "vitest";
import { dtypeBytes } from "../../../src/weights/dtype.ts";
import { dialects, translate } from "../../../src/weights/names/names.ts";
import { joined } from "../../../src/weights/pieces.ts";
import { elements } from "../../../src/weights/tensor.ts";
import { convertWeights } from "../../../src/weights/use/convert.ts";
import { diffWeights } from "../../../src/weights/use/diff.ts";
import { goldenParams, goldenWeights, readGolden } from "../../support/golden.ts";
import { fileOf, type Row } from "../../support/tensor-file.ts";

const micro = readGolden("dense/micro-64x64-b2");
const weights = goldenWeights(micro);
const rows: readonly Row[] = await Promise.all(
  goldenParams(micro).map(async row => ({ ...row, values: await weights.f32(row.name) })),
);

async function diff(a: readonly Row[], b: readonly Row[]) {
  const result = await diffWeights(fileOf(a), fileOf(b));
  if (!result.ok) throw new Error(result.diagnostics.map(({ message }) => message).join("\n"));
  return result.value;
}

/** Some values of one tensor changed. */
const changed = (name: string, change: (value: number, i: number) => number): readonly Row[] =>
  rows.map(row => (row.name === name && row.values ? { ...row, values: row.values.map(change) } : row));

test.each(dialects)("a file and its copy in %s are equal", async to => {
  const final = new Map([["final", "3"]]);
  const given = rows.filter(({ name }) => translate(name, "official", to, final) !== null);
  const converted = convertWeights(fileOf(given), { to, allowUnused: false });
  if (!converted.ok) throw new Error("unreachable");
  const copy = await Promise.all(
    converted.value.tensors.map(async ({ name, dtype, shape, bytes }) => ({
      name,
      dtype,
      shape,
      bytes: await joined(await bytes(), elements(shape) * dtypeBytes[dtype]),
    })),
  );
  const found = await diff(given, copy);
  expect(found).toMatchObject({
    namings: ["official", to],
    onlyFirst: [],
    onlySecond: [],
    otherShape: [],
    different: [],
  });
  expect(found.equal).toHaveLength(given.length);
});

describe("differences", () => {
  test("of values, worst first", async () => {
    const once = changed("norm.bias", value => value + 1);
    const twice = once.map(row =>
      row.name === "head.bias" && row.values ? { ...row, values: row.values.map(v => v * 2) } : row,
    );
    const { different, equal } = await diff(rows, twice);
    expect(equal).toHaveLength(rows.length - 2);
    expect(different).toHaveLength(2);
    const head = different.find(({ name }) => name === "head.bias");
    expect(head?.relL2).toBeCloseTo(1, 6);
    expect(different.map(({ relL2 }) => relL2)).toEqual(different.map(({ relL2 }) => relL2).sort((x, y) => y - x));
  });

  test("as far as each other in proportion, the larger first", async () => {
    const zeros = rows.map(row =>
      /^(norm|head)\.bias$/.test(row.name) ? { ...row, values: row.values?.map(() => 0) } : row,
    );
    const apart = (steps: Readonly<Record<string, number>>): readonly Row[] =>
      zeros.map(row => ({
        ...row,
        values: row.values?.map(value => value + (steps[row.name] ?? 0)),
      })) as readonly Row[];
    const names = async (steps: Readonly<Record<string, number>>) =>
      (await diff(zeros as readonly Row[], apart(steps))).different.map(({ name, relL2 }) => [name, relL2]);
    expect(await names({ "norm.bias": 1, "head.bias": 2 })).toEqual([
      ["head.bias", Infinity],
      ["norm.bias", Infinity],
    ]);
    expect(await names({ "norm.bias": 2, "head.bias": 1 })).toEqual([
      ["norm.bias", Infinity],
      ["head.bias", Infinity],
    ]);
  });

  test("of names and shapes", async () => {
    const other = rows
      .filter(({ name }) => name !== "norm.bias")
      .map(row => (row.name === "head.bias" ? { name: "head.bias", shape: [11] } : row));
    const found = await diff(rows, [...other, { name: "ema", shape: [1] }]);
    expect(found).toMatchObject({
      onlyFirst: ["norm.bias"],
      onlySecond: ["ema"],
      otherShape: [{ name: "head.bias", shapes: [[10], [11]] }],
      different: [],
    });
  });

  test("NaN is itself and nothing else", async () => {
    const nan = changed("norm.bias", (value, i) => (i === 3 ? Number.NaN : value));
    expect((await diff(nan, nan)).different).toEqual([]);
    expect((await diff(rows, nan)).different).toMatchObject([{ name: "norm.bias", maxAbs: Infinity }]);
  });
});

test("a tensor of a type that no weights have is named", async () => {
  const whole = rows.map(row =>
    row.name === "head.bias" ? { name: row.name, shape: row.shape, dtype: "I64" as const } : row,
  );
  for (const sides of [
    [whole, rows],
    [rows, whole],
  ] as const) {
    const found = await diffWeights(fileOf(sides[0]), fileOf(sides[1]));
    expect(found.diagnostics.map(({ code }) => code)).toEqual(["weights-dtype"]);
    expect(found.ok).toBe(false);
  }
});
