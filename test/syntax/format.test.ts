import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Ast } from "../../src/syntax/ast.ts";
import { formatSpec } from "../../src/syntax/format.ts";
import { parse } from "../../src/syntax/parse.ts";
import { specNames } from "../support/specs.ts";
import { specText } from "./spec-arbitrary.ts";
import { codesOf, must, sourceOfText } from "./support.ts";

const format = (text: string): string => must(formatSpec(sourceOfText(text)));

/** A tree without its places. */
const meaning = ({ imports, declarations }: Ast): unknown =>
  JSON.parse(
    JSON.stringify({ imports, declarations }, (key, value) =>
      key === "span" || (key === "body" && value?.source) ? undefined : value,
    ),
  );

const comments = ({ comments, source }: Ast): readonly string[] =>
  comments
    .map(({ start, end }) =>
      source.text
        .slice(start, end)
        .replace(/[ \t\r\n]+/g, " ")
        .trimEnd(),
    )
    .sort();

describe("formatting", () => {
  test.each(specNames)("specs/%s is formatted", name => {
    const text = readFileSync(`specs/${name}`, "utf8");
    expect(format(text)).toBe(text);
  });

  test("changes nothing but the look, keeps every comment, and has nothing to do the second time", () => {
    fc.assert(
      fc.property(specText, text => {
        const before = must(parse(sourceOfText(text)));
        const once = format(text);
        const after = must(parse(sourceOfText(once)));
        expect(meaning(after)).toEqual(meaning(before));
        expect(comments(after)).toEqual(comments(before));
        expect(format(once)).toBe(once);
        expect(once).not.toMatch(/\r|[ \t]\n|\n\n\n|^\n|\n\n$/);
      }),
      { numRuns: 300 },
    );
  });

  test("puts comments where lines end", () => {
    expect(
      format(`import /* why */ "x.cnx" // t
model a extends b{depths/*d*/[1,2 // two
,3,], // tail
// own
dims [1,

2]

head classifier{classes 3}norm_eps 1e-6
head fcmae { // first
 mask_ratio 0.6, decoder {}
}}model c extends d { } build x {}
sweep w extends a { dims[0] in [1] , depths in 4..8 step 2 require params<=6M
  require macs   < 5 }
// end`),
    ).toMatchInlineSnapshot(`
      "/* why */
      import "x.cnx"  // t

      model a extends b {
        /*d*/
        // two
        depths [1, 2, 3]  // tail
        // own
        dims   [1, 2]

        head     classifier { classes 3 }
        norm_eps 1e-6
        head     fcmae {
          // first
          mask_ratio 0.6
          decoder    {}
        }
      }

      model c extends d {}

      build x {}

      sweep w extends a {
        dims[0] in [1]
        depths  in 4..8 step 2
        require params <= 6M
        require macs   < 5
      }

      // end
      "
    `);
  });

  test("breaks what is longer than a line", () => {
    const list = Array.from({ length: 40 }, (_, i) => i + 100).join(",");
    expect(format(`sweep s extends a { dims[0] in [${list}] }`)).toMatchInlineSnapshot(`
      "sweep s extends a {
        dims[0] in [
          100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115, 116, 117, 118,
          119, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129, 130, 131, 132, 133, 134, 135, 136, 137,
          138, 139,
        ]
      }
      "
    `);
  });

  const integers = ["1", "9007199254740993", "10000000000000000000000", `1${"0".repeat(400)}`, "5K", "1.10M", "2.50G"];
  const fractions = ["0.50", "-0", "-0.0", "1e-6", "1E+06", "1e400", "0.1e-400", "1.0000000000000000000001"];

  test.each([...integers, ...fractions])("S57: leaves the number %s as it is written, wherever it stands", number => {
    const size = integers.slice(0, 4).includes(number) ? `input ${number}x${number}x${number}` : "";
    const text = `model a { depths [${number}, ${number}] stem patch ${number} head classifier { classes ${number} } ${size} }
      sweep s extends a {
        dims[${number}] in [${number}] depths in ${number}..${number} step ${number} require params <= ${number}
      }`;
    const words = (of: string) =>
      of
        .match(/[^\s,]+/g)
        ?.join(" ")
        .replaceAll("[ ", "[")
        .replaceAll(" ]", "]");
    expect(words(format(text))).toBe(words(text));
  });

  test("S20: takes no longer for groups within groups than their text is long", () => {
    const [opened, closed] = ["a { ".repeat(60), " }".repeat(60)];
    const long = `${"x".repeat(60)} 1 ${"y".repeat(60)} 2`;
    const once = format(`model m { ${opened}${long}${closed} }`);
    expect(once.split("\n").length).toBe(2 * 61 + 2 + 1);
    expect(format(once)).toBe(once);
  });

  test("formats nothing that is no spec", () => {
    expect(codesOf(formatSpec(sourceOfText("model {}")))).toEqual(["syntax"]);
  });
});
