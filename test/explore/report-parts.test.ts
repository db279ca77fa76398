import { describe, expect, test } from "vitest";
import { amount, change, digits, durationsOf, formatOf } from "../../src/explore/report/format.ts";
import { agreementOf, median, ranksOf } from "../../src/explore/report/statistics.ts";
import { linear, logarithmic, scaleOf } from "../../src/html/scale.ts";

describe("numbers in words", () => {
  test.each([
    [3_708_400, "", "3.71 M"],
    [999_600, "", "1.00 M"],
    [999.6, "B", "1.00 kB"],
    [999.4, "B", "999 B"],
    [999_400, "B", "999 kB"],
    [12, "B", "12 B"],
    [0, "", "0"],
    [0.0224, "ms", "0.0224 ms"],
    [1234.5, "images/s", "1235 images/s"],
    [4e11, "B/s", "400 GB/s"],
    [-1.54e6, "", "−1.54 M"],
  ] as const)("%f %s is %s", (value, unit, text) => {
    expect(amount(value, unit)).toBe(text);
  });

  test("a column's largest number decides about all, and what is not there is a dash", () => {
    const { unit, text, round } = formatOf({ unit: "B" }, [12_345_678, 5_000]);
    expect([unit, text(12_345_678), text(5_000), text(null), round(5e6)]).toEqual(["MB", "12.35", "0.01", "–", "5"]);
    expect(formatOf({ unit: "" }, [33, 42]).text(33)).toBe("33");
    expect([9_999, 10_000].map(count => formatOf({ unit: "" }, [count]).text(count))).toEqual(["9999", "10.00"]);
    expect(formatOf({ unit: "" }, [1e-6, 0.5]).text(1e-6)).toBe("0.000001");
  });

  test("changes and times", () => {
    expect([change(2, 3), change(3, 2), change(1, 1), change(1, 100), change(0, 1)]).toEqual([
      "+50.0%",
      "−33.3%",
      "0%",
      "+9900%",
      null,
    ]);
    expect([digits(0.00012345), digits(1234)]).toEqual(["0.000123", "1234"]);
    const { unit, text } = durationsOf([4e-4, 6.3e-6]);
    expect([unit, text(6.3e-6)]).toEqual(["µs", "6.3"]);
  });
});

describe("axes", () => {
  test("are logarithmic where numbers span much and none is 0", () => {
    expect(scaleOf([1, 11]).isLog).toBe(false);
    expect(scaleOf([1, 12]).isLog).toBe(true);
    expect(scaleOf([0, 12]).isLog).toBe(false);
  });

  test.each([[[0.1, 3.7]], [[5, 5]], [[0, 0]], [[1, 1e9]], [[]], [[0.9, 1.1, 14]]])(
    "hold %j with at least two ticks inside",
    values => {
      const { at, ticks } = scaleOf(values);
      for (const value of [...values, ...ticks]) {
        expect(at(value)).toBeGreaterThanOrEqual(-1e-9);
        expect(at(value)).toBeLessThanOrEqual(1 + 1e-9);
      }
      expect(ticks.length).toBeGreaterThanOrEqual(2);
      expect(ticks.length).toBeLessThanOrEqual(8);
    },
  );

  test("have round ticks", () => {
    expect(linear(0, 10, 5).ticks).toEqual([0, 2, 4, 6, 8, 10]);
    expect(logarithmic(0.9, 110).ticks).toEqual([1, 3, 10, 30, 100]);
  });
});

describe("agreement", () => {
  test("of ranks, with equal ones between their places", () => {
    expect(ranksOf([10, 30, 20, 30])).toEqual([0, 2.5, 1, 2.5]);
    const pair = (predicted: number, measured: number) => ({ predicted, measured });
    expect(agreementOf([pair(1, 2), pair(2, 3), pair(3, 400)]).rank).toBeCloseTo(1, 12);
    expect(agreementOf([pair(1, 3), pair(2, 2), pair(3, 1)]).rank).toBeCloseTo(-1, 12);
    // 1 - 6 · (0 + 1 + 1 + 0) / (4 · 15)
    expect(agreementOf([pair(1, 1), pair(2, 3), pair(3, 2), pair(4, 4)]).rank).toBeCloseTo(0.8, 12);
    expect(agreementOf([pair(1, 2)]).rank).toBeNull();
  });

  test("of times: the median of what they are off", () => {
    expect(median([3, 1, 2, 10])).toBe(2.5);
    expect(agreementOf([110, 90, 150].map(predicted => ({ predicted, measured: 100 }))).medianError).toBeCloseTo(0.1);
  });
});
