import { describe, expect, test } from "vitest";
import type { Diagnostic } from "../../../src/diagnostics/diagnostic.ts";
import { toF32, type WeightDType } from "../../../src/weights/dtype.ts";
import { type CastReport, cast, placesIn } from "../../../src/weights/use/cast.ts";

const bytesOf = (values: readonly number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);

/** Values through another type and back, in pieces of 16 bytes, with all that is said about them. */
async function through(to: WeightDType, values: readonly number[], saturate = false) {
  const told: Diagnostic[] = [];
  const reports: CastReport[] = [];
  const all = bytesOf(values);
  async function* pieces() {
    for (let at = 0; at < all.length; at += 16) yield all.subarray(at, at + 16);
  }
  const source = { name: "w", dtype: "F32", placeOf: placesIn("a.safetensors", 100, "F32") } as const;
  const options = { saturate, report: (d: Diagnostic) => told.push(d), done: (r: CastReport) => reports.push(r) };
  const out: number[] = [];
  for await (const piece of cast(source, to, pieces(), options)) out.push(...toF32[to](piece));
  return {
    out,
    report: reports[0],
    told: told.map(({ severity, code, message, place }) => ({ severity, code, message, place })),
  };
}

describe("to f16", () => {
  test("errors are those of the values that come out", async () => {
    const values = Array.from({ length: 101 }, (_, i) => Math.fround(Math.sin(i) * 3));
    const { out, report, told } = await through("F16", values);
    const off = values.map((value, i) => Math.abs((out[i] ?? 0) - value));
    const norm = (of: readonly number[]) => Math.sqrt(of.reduce((sum, x) => sum + x * x, 0));
    expect(told).toEqual([]);
    expect(report).toEqual({
      name: "w",
      from: "F32",
      to: "F16",
      elements: 101,
      maxAbs: Math.max(...off),
      relL2: expect.closeTo(norm(off) / norm(values), 12),
      subnormal: 0,
      zeroed: 0,
      overflowed: 0,
    });
  });

  test("W14: a value beyond the largest is an error with its place", async () => {
    const { told } = await through("F16", [1, 2, 3, 4, 5, 70_000, -80_000]);
    expect(told[0]).toEqual({
      severity: "error",
      code: "weights-range",
      message: "tensor 'w' has 70000 at index 5, beyond the largest F16, 65504",
      place: { file: "a.safetensors", offset: 120 },
    });
  });

  test("W14: or a warning, where it may be the largest instead", async () => {
    const { told, out, report } = await through("F16", [1, -70_000, 65_519, 1e30, Infinity], true);
    expect(out).toEqual([1, -65504, 65504, 65504, Infinity]);
    expect(report).toMatchObject({ overflowed: 2, elements: 5 });
    expect(told.map(({ severity, message }) => [severity, message])).toEqual([
      ["warning", "tensor 'w' has Infinity at index 4"],
      ["warning", "tensor 'w' has 2 values beyond 65504, written as that; the first is -70000"],
    ]);
  });

  test("W16: more than 1 % that become 0", async () => {
    const tiny = (n: number) => Array.from({ length: 200 }, (_, i) => (i < n ? 2e-8 : i === 199 ? 1e-6 : 1));
    expect(await through("F16", tiny(2))).toMatchObject({ told: [], report: { zeroed: 2, subnormal: 1 } });
    const { told, report } = await through("F16", tiny(3));
    expect(report?.zeroed).toBe(3);
    expect(told).toMatchObject([
      { severity: "warning", code: "weights-underflow", message: "tensor 'w': 3 of 200 values become 0 in F16" },
    ]);
    // Zeros that were zeros before are no loss.
    expect((await through("F16", Array(100).fill(0))).told).toEqual([]);
  });
});

test("to bf16: the range of f32", async () => {
  expect(await through("BF16", [70_000, 1e-30, 1])).toMatchObject({ told: [], report: { zeroed: 0, overflowed: 0 } });
  const { told } = await through("BF16", [3.4028234663852886e38]);
  expect(told).toMatchObject([{ code: "weights-range" }]);
});
