import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { embedGrammar } from "../../scripts/embed-grammar.mjs";
import type { Value } from "../../src/syntax/ast.ts";
import { parse } from "../../src/syntax/parse.ts";
import { printValue } from "../../src/syntax/print.ts";
import { codesOf, must, sourceOfText } from "./support.ts";

const ast = (text: string) => must(parse(sourceOfText(text)));

/** The value of the only field of the only model. */
function value(text: string): Value {
  const [model] = ast(`model a { x ${text} }`).declarations;
  const field = model?.kind === "model" ? model.body.fields[0] : undefined;
  if (field === undefined) throw new Error("no field");
  return field.value;
}

test("the embedded grammar is that of cnx.ohm", () => {
  const embedded = readFileSync("src/embedded/cnx-grammar.ts", "utf8");
  expect(embedded).toBe(embedGrammar(readFileSync("src/syntax/cnx.ohm", "utf8")));
});

describe("values", () => {
  test.each([
    ["12", 12],
    ["0.6", 0.6],
    ["1e-6", 1e-6],
    ["1E+3", 1000],
    ["5M", 5_000_000],
    ["1.2G", 1_200_000_000],
    ["64K", 64_000],
    // A product would be 1100.0000000000002.
    ["1.1K", 1100],
    ["-3", -3],
    ["-0", 0],
  ])("%s is a number", (text, number) => {
    expect(value(text)).toMatchObject({ kind: "number", value: number, text });
  });

  test.each([
    ["224x224x3", "size"],
    ["1..8", "range"],
    ["4..8 step 2", "range"],
    ["gelu", "word"],
    ['"a.cnx"', "string"],
    ["patch 4", "tagged"],
    ["classifier { classes 10 }", "tagged"],
    ["{ depth 1  dim 512 }", "group"],
    ["[2, 2, 6, 2]", "list"],
    ["[]", "list"],
    ["{}", "group"],
  ])("%s is a %s", (text, kind) => {
    expect(value(text).kind).toBe(kind);
    expect(printValue(value(text))).toBe(text);
  });

  test.each(["0x10", "1_000", "08", "+5", ".5", "5.", "1e", "--5", "5MM", "1e5K", "1...2"])("%s is none", text => {
    expect(codesOf(parse(sourceOfText(`model a { x ${text} }`)))).toEqual(["malformed-number"]);
  });
});

describe("places", () => {
  test("are those in the text with its comments and blanks", () => {
    const text = "/* a */ model /* b */ atto {\r\n  depths // c\n  [2,   /* d */ 2]\r}\r";
    const tree = ast(text);
    const cut = ({ start, end }: { readonly start: number; readonly end: number }) => text.slice(start, end);
    const [model] = tree.declarations;
    if (model?.kind !== "model") throw new Error("no model");
    expect(cut(model.span)).toBe(text.slice(8, -1));
    expect(cut(model.name.span)).toBe("atto");
    expect(model.body.fields.map(field => cut(field.value.span))).toEqual(["[2,   /* d */ 2]"]);
    expect(tree.comments.map(cut)).toEqual(["/* a */", "/* b */", "// c", "/* d */"]);
  });

  test("every error lies inside the file", () => {
    const pieces = fc.constantFrom(
      "model ",
      "a ",
      "{ ",
      "} ",
      "[",
      "]",
      ",",
      "1 ",
      ".5 ",
      "..",
      '"x" ',
      "// c\n",
      "/* ",
      "\n",
      "é",
      "sweep ",
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 20 }), parts => {
        const text = parts.join("");
        const result = parse(sourceOfText(text));
        for (const { place } of result.diagnostics) {
          if (place === null || !("source" in place)) throw new Error("no place");
          expect(place.start).toBeGreaterThanOrEqual(0);
          expect(place.end).toBeGreaterThanOrEqual(place.start);
          expect(place.end).toBeLessThanOrEqual(text.length);
        }
      }),
      { numRuns: 500 },
    );
  });
});

test("lines may end with LF, CR LF or CR", () => {
  const text = "// one\nmodel a {\n  depths [1] // two\n  dims [8]\n}\n";
  const shape = (end: string) => {
    const [model] = ast(text.replaceAll("\n", end)).declarations;
    return model?.kind === "model" ? model.body.fields.map(({ name, value }) => [name.text, printValue(value)]) : [];
  };
  expect(shape("\r\n")).toEqual(shape("\n"));
  expect(shape("\r")).toEqual(shape("\n"));
});

test.each([
  ["modle a {}", "expected 'build', 'import', 'model', 'sweep' or 'train'"],
  ["model a { depths }", "expected a value"],
  ["model a { depths [1,,2] }", "expected a value or ']'"],
  ["model a { depths [1]", "expected a name, ',' or '}'"],
  ["model {}", "expected a name"],
  ["model a ( }", "expected 'extends' or '{'"],
  ["sweep s {}", "expected 'extends'"],
  ["sweep s extends a { require params 5 }", "expected a comparison"],
  ["import x", "expected a string"],
  ["model a { # hi\n }", "expected a name or '}'"],
])("%s: %s", (text, message) => {
  expect(parse(sourceOfText(text)).diagnostics.map(diagnostic => diagnostic.message)).toEqual([message]);
});
