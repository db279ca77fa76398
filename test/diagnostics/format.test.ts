import { describe, expect, test } from "vitest";
import type { Diagnostic, Place, Source } from "../../src/diagnostics/diagnostic.ts";
import { formatDiagnostics, lineAndColumn, plainDiagnostic } from "../../src/diagnostics/format.ts";
import { error, withNote } from "../../src/diagnostics/messages.ts";
import { nearestOf } from "../../src/diagnostics/nearest.ts";

const source = (text: string, name = "a.cnx"): Source => ({ name, text });
const at = (text: string, start: number, end: number, name?: string): Place => ({
  source: source(text, name),
  start,
  end,
});
const wrong = (place: Place): Diagnostic => error("syntax", place, "a value");
const format = (place: Place) => formatDiagnostics([wrong(place)]);

describe("the printed form", () => {
  test("shows the line, the place and the notes", () => {
    const text = "model a {\n  depths 3\n}\n";
    const diagnostic = withNote(withNote(wrong(at(text, 19, 20)), "first given", at(text, 6, 7)), "write a list");
    expect(formatDiagnostics([diagnostic])).toBe(
      `error[E_SPEC_SYNTAX/syntax]: expected a value
  ┌─ a.cnx:2:10
2 │   depths 3
  │          ^
  = note: first given at a.cnx:1:7
  = note: write a list`,
    );
  });

  test("marks several lines up to the end of the first", () => {
    expect(
      format(at("ab cd\nef", 3, 8))
        .split("\n")
        .slice(2),
    ).toEqual(["1 │ ab cd", "  │    ^^"]);
  });

  test("marks the end of a file, and an empty one", () => {
    expect(
      format(at("ab\n", 3, 3))
        .split("\n")
        .slice(1),
    ).toEqual(["  ┌─ a.cnx:2:1", "2 │", "  │ ^"]);
    expect(
      format(at("", 0, 0))
        .split("\n")
        .slice(1),
    ).toEqual(["  ┌─ a.cnx:1:1", "1 │", "  │ ^"]);
  });

  test("keeps marks below what they mean behind tabs and characters of two units", () => {
    expect(
      format(at("\t😀 x", 4, 5))
        .split("\n")
        .slice(2),
    ).toEqual(["1 │   😀 x", "  │     ^"]);
  });

  test.each([
    [0, 3],
    [300, 303],
    [597, 600],
    [100, 500],
  ])("cuts a long line around %i to %i", (start, end) => {
    const text = Array.from({ length: 200 }, (_, i) => `${i}`.padStart(3, ".")).join("");
    const [, , line = "", mark = ""] = format(at(text, start, end)).split("\n");
    expect(line.length).toBeLessThanOrEqual(124);
    expect(mark.length).toBeLessThanOrEqual(124);
    const from = mark.indexOf("^");
    expect(text.slice(start, end).startsWith(line.slice(from, mark.length).replace("…", ""))).toBe(true);
  });

  test("escapes what a terminal would obey, in lines, sentences and file names", () => {
    const printed = format(at("a \u001b[2J\u202e b", 2, 3, "x\u001b[2J\n</title>.cnx"));
    expect(printed).not.toMatch(/(?!\n)\p{Cc}|\p{Bidi_Control}/u);
    expect(printed).toContain("x\\u{1b}[2J\\u{a}</title>.cnx:1:3");
    expect(printed).toContain("a \\u{1b}[2J\\u{202e} b\n  │   ^^^^^^\n".trimEnd());
  });

  test("stops at twenty", () => {
    const many = Array.from({ length: 25 }, () => wrong(null));
    expect(formatDiagnostics(many).match(/expected/g)).toHaveLength(20);
    expect(formatDiagnostics(many)).toMatch(/\n\nand 5 more$/);
    expect(formatDiagnostics(many.slice(5))).not.toContain("more");
  });

  test("names files that are no text, and no file at all", () => {
    expect(format({ file: "w.safetensors", offset: 12 })).toContain("┌─ w.safetensors: byte 12");
    expect(format({ file: "w.safetensors", offset: null })).toMatch(/┌─ w.safetensors$/);
    expect(format(null)).toBe("error[E_SPEC_SYNTAX/syntax]: expected a value");
  });

  test("is coloured by whoever prints it", () => {
    const style = (role: string, text: string) => `<${role}>${text}</${role}>`;
    expect(formatDiagnostics([wrong(at("ab", 0, 1))], { style })).toBe(
      `<error>error[E_SPEC_SYNTAX/syntax]</error>: expected a value
  <gutter>┌─</gutter> <place>a.cnx:1:1</place>
<gutter>1 │</gutter> ab
  <gutter>│</gutter> <mark>^</mark>`,
    );
  });
});

test("the plain form says all of it in values", () => {
  const text = "model a {\r\n  depths 3\r}\n";
  expect(plainDiagnostic(withNote(wrong(at(text, 20, 21)), "first given", { file: "b", offset: 7 }))).toEqual({
    severity: "error",
    kind: "E_SPEC_SYNTAX",
    code: "syntax",
    message: "expected a value",
    file: "a.cnx",
    line: 2,
    column: 10,
    offset: 20,
    notes: [{ message: "first given", file: "b", line: null, column: null, offset: 7 }],
  });
});

test("lines and columns count from 1 at every line end", () => {
  const text = "a\nb\rc\r\nd";
  const places = [0, 2, 4, 7, 8].map(offset => lineAndColumn(source(text), offset));
  expect(places.map(({ line, column }) => `${line}:${column}`)).toEqual(["1:1", "2:1", "3:1", "4:1", "4:2"]);
});

test.each([
  ["depts", "depths"],
  ["dephts", "depths"],
  ["DIMS", "dims"],
  ["norm", null],
  ["zzz", null],
])("what is meant by %s is %s", (word, nearest) => {
  expect(nearestOf(["depths", "dims", "norm_eps"])(word)).toBe(nearest);
});
