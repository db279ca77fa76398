import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { FilePlace } from "../../src/diagnostics/diagnostic.ts";
import { error } from "../../src/diagnostics/messages.ts";
import { type JsonLimits, readJson } from "../../src/json/read.ts";
import { whole } from "../../src/json/shape.ts";
import { utf8 } from "../../src/weights/formats/utf8.ts";

const wide: JsonLimits = { bytes: 1e6, values: 1e5 };
const wrong = (place: FilePlace, why: string) => error("import-json", place, why);

/** What is said of a text, or its value. */
function read(text: string | Uint8Array, limits = wide): unknown {
  const bytes = typeof text === "string" ? utf8(text) : text;
  const found = readJson({ file: "a.json", bytes, limits, wrong });
  if (found.ok) return { value: found.value };
  return found.diagnostics[0]?.message.replace("the file is no JSON object: ", "");
}

describe("JSON from a stranger", () => {
  test("any value that can be printed comes out as it went in", () => {
    const values = fc.jsonValue({ maxDepth: 5 });
    fc.assert(
      fc.property(values, fc.constantFrom(undefined, 1), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        fc.pre(!text.includes("\\ud") && !text.includes('"__proto__"'));
        expect(read(text)).toEqual({ value: JSON.parse(text) });
      }),
      { numRuns: 300 },
    );
  });

  test("any text is read or refused as JSON.parse does, or refused by a limit", () => {
    const pieces = fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      '"',
      '"a"',
      '"b"',
      "1",
      "-",
      "e5",
      ".",
      "true",
      "nul",
      "\\",
      " ",
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), parts => {
        const text = parts.join("");
        let plain: unknown;
        try {
          plain = { value: JSON.parse(text) };
        } catch {
          plain = null;
        }
        const found = read(text);
        if (typeof found !== "string") expect(found).toEqual(plain);
        else if (plain !== null) expect(found).toMatch(/stands twice/);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ["[".repeat(100_000), "it is nested more than 32 levels deep"],
    [`${'{"a":'.repeat(100_000)}1`, "it is nested more than 32 levels deep"],
    [`[${"0,".repeat(200_000)}0]`, "it has more than 100000 values"],
    [`"${"a".repeat(1_000_000)}"`, "it has 1000002 bytes, more than 1000000"],
    ['{"a":1,"\\u0061":2}', "the key 'a' stands twice in one object"],
    [
      `{"${"k".repeat(5000)}":1,"${"k".repeat(5000)}":2}`,
      `the key '${"k".repeat(100)}… (+4900 characters)' stands twice in one object`,
    ],
    ['{"__proto__":{"admin":true}}', "'__proto__' is no key of data"],
    ['{"\\u005f_proto__":1}', "'__proto__' is no key of data"],
    ["1e999", "expected a number that is finite"],
    ["[-1e400]", "expected a number that is finite"],
    ["NaN", "expected a value"],
    ["Infinity", "expected a value"],
    ["", "expected a value"],
    ["{", "expected a key in double quotes"],
    ["1 2", "expected nothing after its end"],
    ["tru", "expected a value"],
    ["'a'", "expected a value"],
    ["01", "expected a number"],
    ['"\\ud800"', "it has half of a surrogate pair, which is no character"],
    ['"\t"', "expected the string's closing quote"],
    [Uint8Array.of(0x22, 0xff, 0x22), "it is not valid UTF-8"],
    [Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22), "it is not valid UTF-8"],
    [Uint8Array.of(0xff, 0xfe, 0x31, 0x00), "expected a value"],
    ["\u{feff}\u{feff}1", "expected a value"],
  ])("%#: what is wrong is said", (text, said) => {
    expect(read(text)).toBe(said);
  });

  test("a byte-order mark may stand before it, and keys of Object are keys like others", () => {
    expect(read('\u{feff}{"constructor":1,"toString":2}')).toEqual({ value: { constructor: 1, toString: 2 } });
  });

  test("32 levels are read, and as many values as are allowed", () => {
    expect(read("[".repeat(33) + "]".repeat(33))).not.toBeTypeOf("string");
    expect(read("[1,2]", { bytes: 10, values: 3 })).toEqual({ value: [1, 2] });
    expect(read("[1,2,3]", { bytes: 10, values: 3 })).toBe("it has more than 3 values");
  });
});

test("items of a long list are looked at one by one, and the first that does not fit ends the reading", () => {
  const rows = { key: "rows", most: 3, values: 4, shape: whole(0, 9) };
  const said = (text: string) => {
    const found = readJson({ file: "f.json", bytes: utf8(text), limits: { bytes: 100, values: 8 }, wrong, rows });
    return found.ok ? found.value : found.diagnostics[0]?.message.replace("the file is no JSON object: ", "");
  };
  expect(said('{"rows":[1,2,3]}')).toEqual({ rows: [1, 2, 3] });
  expect(said('{"result":{"rows":[1,2,3]}}')).toEqual({ result: { rows: [1, 2, 3] } });
  expect(said('{"rows":[1,10,')).toBe("'rows[1]' must be a whole number from 0 to 9");
  expect(said('{"rows":[1,2,3,4,')).toBe("'rows' must be a list of 0 to 3");
  expect(said('{"rows":{}}')).toBe("'rows' must be a list");
  expect(said('{"rows":[[1,2,3,4]')).toBe("it has more than 4 values");
  expect(said('{"a":{"b":{"rows":[10]}}}')).toEqual({ a: { b: { rows: [10] } } });
});
