import { describe, expect, test } from "vitest";
import type { Diagnostic } from "../../../src/diagnostics/diagnostic.ts";
import { ok } from "../../../src/diagnostics/diagnostic.ts";
import { catchingFailures } from "../../../src/diagnostics/failure.ts";
import type { Weights } from "../../../src/weights/tensor.ts";
import { beyondHalf, warnOfZeros, withinHalf, zeroedInHalf } from "../../../src/weights/use/within-half.ts";

test("where a finite value is that f16 lacks", () => {
  const values = (...of: number[]) => beyondHalf(Float32Array.of(...of));
  expect(values()).toBe(-1);
  expect(values(1, 65504, -65504, 0)).toBe(-1);
  expect(values(1, 65505, 70000)).toBe(1);
  expect(values(1, 2, -65505)).toBe(2);
  expect(values(Infinity, -Infinity, Number.NaN)).toBe(-1);
  expect(values(Infinity, 1e6)).toBe(1);
});

test("how many values become 0", () => {
  const least = 2 ** -25;
  expect(zeroedInHalf(Float32Array.of(0, -0, 1, least * 1.001, -least * 1.001))).toBe(0);
  expect(zeroedInHalf(Float32Array.of(0, least, -least, 1e-30, -1e-30))).toBe(4);
});

describe("weights that are stored in f16", () => {
  const all = {
    small: Float32Array.from({ length: 200 }, (_, i) => (i < 3 ? 1e-9 : 1)),
    few: Float32Array.from({ length: 200 }, (_, i) => (i < 2 ? 1e-9 : 1)),
    large: Float32Array.of(1, 2, 1e6),
  };
  type Name = keyof typeof all;
  const said: [string, Diagnostic][] = [];
  const warn = (name: string, diagnostic: Diagnostic): void => {
    said.push([name, diagnostic]);
  };
  const weights: Weights = { origin: "w.pt", license: "MIT", f32: async name => all[name as Name], warn };
  const read = (of: Weights, name: Name) => catchingFailures(async () => ok(await of.f32(name)));

  test("a value beyond it is named by its place; one that is not stored may be any", async () => {
    const stored = withinHalf(weights, new Set(["large"]));
    expect(stored).toMatchObject({ origin: "w.pt", license: "MIT" });
    const found = await read(stored, "large");
    expect(found.ok).toBe(false);
    expect(found.diagnostics.map(({ code, message }) => `${code}: ${message}`)).toMatchInlineSnapshot(`
      [
        "beyond-half: value 2 of 'large' is 1000000, but f16 ends at 65504; compile the model with --dtype f32",
      ]
    `);
    expect(await read(withinHalf(weights, new Set(["small"])), "large")).toMatchObject({ ok: true, value: all.large });
  });

  test("of one that is mostly lost there is a warning; of a hundredth there is none", async () => {
    said.length = 0;
    const stored = withinHalf(weights, new Set(["small", "few"]));
    expect(await stored.f32("few")).toBe(all.few);
    expect(said).toEqual([]);
    expect(await stored.f32("small")).toBe(all.small);
    expect(said.map(([name, { code, place, message }]) => [name, code, place, message])).toMatchInlineSnapshot(`
      [
        [
          "small",
          "weights-underflow",
          {
            "file": "w.pt",
            "offset": null,
          },
          "tensor 'small': 3 of 200 values become 0 in F16",
        ],
      ]
    `);
    said.length = 0;
    await withinHalf(weights, new Set()).f32("small");
    expect(said).toEqual([]);
  });

  test("nobody is told where nobody listens", () => {
    expect(() => warnOfZeros({ origin: "w.pt" }, "small", all.small)).not.toThrow();
  });
});
