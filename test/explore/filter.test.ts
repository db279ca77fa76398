import { describe, expect, test } from "vitest";
import { columnsOf } from "../../src/explore/report/columns.ts";
import { filterOf } from "../../src/explore/report/filter.ts";
import type { Variant } from "../../src/explore/result.ts";
import { explored } from "../support/exploration.ts";

const { exploration } = explored(40);
const { variants } = exploration;
const front = new Set(exploration.front);
const about = { columns: columnsOf(exploration), front, describe: ({ index }: Variant) => `variant-${index} Patch` };
const filter = (text: string) => {
  const { holds, problems } = filterOf(text, about);
  return { found: variants.filter(holds), problems };
};
/** A size that several variants lie below and several above. */
const middle = variants.map(({ params }) => params).toSorted((a, b) => a - b)[20] as number;

describe("a number is compared as the sign says, the number itself included or not", () => {
  const signs: Readonly<Record<string, (params: number) => boolean>> = {
    "<=": params => params <= middle,
    "<": params => params < middle,
    ">=": params => params >= middle,
    ">": params => params > middle,
    "=": params => params === middle,
    "==": params => params === middle,
  };
  test.each(Object.keys(signs))("%s", sign => {
    const holds = signs[sign] as (params: number) => boolean;
    const expected = variants.filter(({ params }) => holds(params));
    expect(expected.length).toBeGreaterThan(0);
    expect(expected.length).toBeLessThan(variants.length);
    expect(filter(`params${sign}${middle}`)).toEqual({ found: expected, problems: [] });
    expect(filter(`params ${sign} ${middle}`).found, "with blanks").toEqual(expected);
  });

  test("a range has both its ends", () => {
    const [low, high] = [middle, Math.max(...variants.map(({ params }) => params))];
    const inside = variants.filter(({ params }) => params >= middle);
    expect(filter(`params=${low}..${high}`).found).toEqual(inside);
    expect(filter(`params=${low + 1}..${high - 1}`).found).toEqual(
      inside.filter(({ params }) => params !== low && params !== high),
    );
  });
});

test("every term has to hold: columns, the front, a number and words", () => {
  const [first] = exploration.front;
  expect(filter("front").found.map(({ index }) => index)).toEqual([...front].sort((a, b) => a - b));
  expect(filter(`front #${first}`).found.map(({ index }) => index)).toEqual([first]);
  expect(filter(`VARIANT-${first} patch`).found.map(({ index }) => index)).toContain(first);
  expect(filter(`"variant-${first} pa" #${first}`).found.map(({ index }) => index)).toEqual([first]);
  expect(filter(`params<${middle} params>=${middle}`).found).toEqual([]);
  expect(filter("").found).toEqual(variants);
});

test("what is not understood is said, and left out", () => {
  const { found, problems } = filter("parms<5M params<many");
  expect(found).toEqual(variants);
  expect(problems).toEqual(["no column 'parms', did you mean 'params'?", "'many' is no number: write 'params<5M'"]);
});
