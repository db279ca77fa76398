import { describe, expect, test } from "vitest";
import { answerOf, compare, type Outputs } from "../../src/verify/compare.ts";
import { argmax, maxDifference, relL2 } from "../../src/verify/errors.ts";
import { htmlReport, textReport } from "../../src/verify/report.ts";

const outputs = (values: Readonly<Record<string, readonly number[]>>): Outputs =>
  new Map(Object.entries(values).map(([name, data]) => [name, { shape: [1, data.length], data }]));

describe("errors", () => {
  test.each([
    [[3, 4], [3, 4], 0],
    [[3, 4.5], [3, 4], 0.1],
    [[0, 0], [0, 0], 0],
    [[1, 0], [0, 0], Number.POSITIVE_INFINITY],
    [[Number.NaN, 4], [3, 4], Number.NaN],
    [[Number.NaN, 4], [Number.NaN, 4], 0],
    [[Number.POSITIVE_INFINITY], [Number.NEGATIVE_INFINITY], Number.POSITIVE_INFINITY],
    [[3], [3, 4], Number.NaN],
  ])("relL2(%j, %j) is %d", (found, wanted, expected) => {
    const off = relL2(found, wanted);
    if (Number.isNaN(expected) || expected === Number.POSITIVE_INFINITY) expect(off <= 1e30).toBe(false);
    else expect(off).toBeCloseTo(expected, 12);
  });
  test("the largest difference of one value, and the first of the largest values", () => {
    expect(maxDifference([1, 5, 2], [1, 2, 2.5])).toBe(3);
    expect(maxDifference([1, Number.NaN], [1, 2])).toBeNaN();
    expect(argmax([0, 9, 1, 7, 7, 2], 2, 4)).toBe(1);
  });
});

describe("compare", () => {
  const reference = outputs({ a: [1, 2, 3], b: [4, 5, 6], logits: [0.1, 0.9, 0.2] });
  test("the first value out of tolerance, the worst, and top-1", () => {
    const found = outputs({ a: [1, 2, 3], b: [4, 5, 6.1], logits: [0.9, 0.1, 0.2] });
    const { first, worst, values, top1 } = compare(reference, found, 1e-3);
    expect(values.map(({ name, answer }) => [name, answer])).toEqual([
      ["a", "right"],
      ["b", "wrong"],
      ["logits", "wrong"],
    ]);
    expect([first?.name, worst.name, top1]).toEqual(["b", "logits", { same: 0, of: 1 }]);
  });
  test("what is missing or not finite is wrong, and worse than anything", () => {
    const found = outputs({ a: [1, Number.NaN, 3], logits: [5, 9, 5] });
    const { first, worst, values } = compare(reference, found, 0.9);
    expect([first?.name, worst.name]).toEqual(["a", "a"]);
    expect(values[1]?.answer).toBe("wrong");
  });
  test("NaN in both is no right answer, is worse than any error, and has no top class", () => {
    const logits = (data: readonly number[]): Outputs => new Map([["logits", { shape: [2, 2], data }]]);
    const both = compare(logits([Number.NaN, 1, 0, 2]), logits([Number.NaN, 1, 0, 2]), 1e-3);
    expect([both.first?.answer, both.worst.answer, both.top1]).toEqual([
      "NaN in both",
      "NaN in both",
      { same: 1, of: 1 },
    ]);
    expect(answerOf([null, both])).toBe("NaN in both");
    const one = compare(logits([0, 1, 0, 2]), logits([Number.NaN, 1, 0, 2]), 1e-3);
    expect([one.first?.answer, one.top1, answerOf([both, one])]).toEqual(["wrong", { same: 1, of: 2 }, "wrong"]);
    const wrongToo = compare(logits([Number.NaN, 1, 0, 2]), logits([Number.NaN, 1, 0, 9]), 1e-3);
    expect(wrongToo.first?.answer).toBe("wrong");
    expect(answerOf([compare(logits([1, 2, 3, 4]), logits([1, 2, 3, 4]), 1e-3), null])).toBe("right");
  });
});

test("reports escape names, say right and wrong, and need no network", () => {
  const whole = compare(outputs({ "<b>": [1, 2] }), outputs({ "<b>": [1, 3] }), 1e-3);
  const judged = [
    { name: "webgpu f32", on: "a GPU", limit: 1e-3, milliseconds: 1.25, whole, each: null, recorded: null },
  ];
  const html = htmlReport({
    title: "m & n",
    facts: [["batch", "1"]],
    judged,
    recorded: null,
    skipped: ["cuda <none>"],
  });
  expect(html).toContain("m &amp; n");
  expect(html).toContain("&lt;b&gt;");
  expect(html).not.toMatch(/<b>|<none>|https?:|<script/);
  expect(html).toContain('<tr class="wrong">');
  expect(textReport({ judged, recorded: null, skipped: ["cuda did not run"] })).toMatch(
    /^executor .*\nwebgpu f32 +wrong +4\.5e-1 +- +<b> 4\.5e-1 .*1\.3\ncuda did not run\n$/,
  );
});
