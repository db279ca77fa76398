import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nearestOf } from "../../src/diagnostics/nearest.ts";

/** Every step from word to word written out, without bands or bounds. */
function distance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) =>
    Array.from({ length: b.length + 1 }, (_, j) => (i === 0 ? j : j === 0 ? i : 0)),
  );
  const at = (i: number, j: number): number => rows[i]?.[j] ?? Number.POSITIVE_INFINITY;
  for (let i = 1; i <= a.length; i++)
    for (let j = 1; j <= b.length; j++) {
      const swaps = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      (rows[i] as number[])[j] = Math.min(
        at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1),
        at(i - 1, j) + 1,
        at(i, j - 1) + 1,
        swaps ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY,
      );
    }
  return at(a.length, b.length);
}

const plainly = (names: readonly string[], word: string): string | null => {
  const most = Math.max(1, Math.floor(word.length / 3));
  const ranked = names.map(name => ({ name, edits: distance(word.toLowerCase(), name.toLowerCase()) }));
  const least = Math.min(...ranked.map(({ edits }) => edits));
  return least > most ? null : (ranked.find(({ edits }) => edits === least)?.name ?? null);
};

const letters = (min: number, max: number) =>
  fc.string({ unit: fc.constantFrom("a", "b", "B", "c"), minLength: min, maxLength: max });

test("the nearest name is the first of those with the fewest letters to change", () => {
  fc.assert(
    fc.property(fc.array(letters(0, 12), { minLength: 1, maxLength: 8 }), letters(1, 12), (names, word) => {
      expect(nearestOf(names)(word)).toBe(plainly(names, word));
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ["ato", ["femto", "atto"], "atto"],
  ["ATTO", ["atto"], "atto"],
  ["tato", ["atto"], "atto"],
  ["x", ["atto"], null],
  ["dpeths", ["dims", "depths"], "depths"],
  ["a".repeat(80), ["a".repeat(79)], "a".repeat(79)],
  ["a".repeat(81), ["a".repeat(80)], null],
  ["a".repeat(80), ["a".repeat(81)], null],
] as const)("%s of %j is %s", (word, names, nearest) => {
  expect(nearestOf(names)(word)).toBe(nearest);
});

describe("looking for names ends", () => {
  const name = (k: number): string => `${"b".repeat(40)}${`${k}`.padStart(24, "0")}`;
  const names = (count: number) => Array.from({ length: count }, (_, k) => name(k));

  test("S41: where thousands of words are like thousands of names", () => {
    const nearest = nearestOf(names(4096));
    expect(nearest(`${name(4095).slice(0, -1)}x`)).toBe(name(4090));
    const answers = Array.from({ length: 63 }, (_, k) => nearest(`${"b".repeat(39)}x${name(k).slice(40)}`));
    expect(answers.at(-1)).toBeNull();
    expect(nearest(name(0))).toBeNull();
  });

  test("W02: where a hundred thousand names are none of them", () => {
    const nearest = nearestOf(Array.from({ length: 100_000 }, (_, k) => `n${k}`.padEnd(60, "-")));
    const answers = Array.from({ length: 200 }, (_, k) => nearest(`layer.${k}.weight`.padEnd(64, "_")));
    expect(answers.every(answer => answer === null)).toBe(true);
  });

  test("after as many different words as anybody reads", () => {
    const nearest = nearestOf(["atto"]);
    expect(Array.from({ length: 65 }, (_, k) => nearest(`att${k}`.slice(0, 5)))).toContain("atto");
    expect(nearest("attp")).toBeNull();
  });

  test("and says the same of a word that is asked about twice", () => {
    const nearest = nearestOf(names(100), 300_000);
    const word = `${name(3).slice(0, -1)}x`;
    const first = nearest(word);
    expect(first).toBe(name(0));
    for (let k = 0; k < 60; k++) nearest(`${name(k)}y`);
    expect(nearest(word)).toBe(first);
  });
});
