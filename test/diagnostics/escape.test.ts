import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cut, escapeControls, escapeJson, escapeLines, inComment, shown } from "../../src/diagnostics/escape.ts";
import { error, messages, withNote } from "../../src/diagnostics/messages.ts";
import { hidden, hostile } from "../support/hostile.ts";

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 300 }),
  fc
    .array(fc.constantFrom(...Object.values(hostile), "a", "\ud800", "\udfff", "😀", "\u200d"), { maxLength: 4 })
    .map(parts => parts.join("")),
);

describe("a foreign text", () => {
  test("in a line commands nothing, is no longer than it may be, and says how much is missing", () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 300 }), (given, most) => {
        const found = shown(given, most);
        expect(found).not.toMatch(hidden);
        expect(found).not.toMatch(/[\n\t]/);
        const [, told = "", missing = "0"] = /^(.*?)(?:… \(\+(\d+) characters\))?$/s.exec(found) ?? [];
        expect(told.length).toBeLessThanOrEqual(most);
        expect(escapeControls(given.slice(0, given.length - Number(missing)))).toBe(told);
      }),
    );
  });

  test("in several lines keeps its lines and tabs alone", () => {
    expect(escapeLines("a\tb\n\u001b[1m\r\n\u202e\ufeff\ud800c")).toBe(
      "a\tb\n\\u{1b}[1m\\u{d}\n\\u{202e}\\u{feff}\\u{d800}c",
    );
    expect(escapeLines("é 模型 😀 \u200d")).toBe("é 模型 😀 \u200d");
  });

  test("in JSON is the same text, and every hidden character is written out", () => {
    fc.assert(
      fc.property(text, given => {
        const json = escapeJson(JSON.stringify({ [given]: given }));
        expect(json).not.toMatch(hidden);
        expect(JSON.parse(json)).toEqual({ [given]: given });
      }),
    );
    expect(escapeJson(JSON.stringify("\u{e0041}\u2028"))).toBe('"\\udb40\\udc41\\u2028"');
  });

  test("in a comment ends none, in any language", () => {
    fc.assert(
      fc.property(text, given => {
        const comment = inComment(given);
        expect(comment).not.toMatch(/\*\/|\/\*|-->|<!--|<\/|\?\?|\]\]|\\$|[\n\r\u2028\u2029]/);
      }),
    );
    expect(inComment("a*//b\\")).toBe("a* //b \\.");
  });

  test("is not cut inside a pair", () => {
    expect(cut("a😀b", 2)).toBe("a… (+3 characters)");
    expect(cut("a😀b", 4)).toBe("a😀b");
  });
});

describe("messages", () => {
  test("all of them are bounded, whatever they are given, and end as they do", () => {
    for (const code of Object.keys(messages) as (keyof typeof messages)[])
      for (const given of [hostile.long, hostile.controls])
        for (const more of [given, [given, given]]) {
          const args = Array.from({ length: messages[code].text.length }, () => more);
          let message = "";
          try {
            message = (error as (...args: unknown[]) => { message: string })(code, null, ...args).message;
          } catch (cause) {
            expect(cause).toBeInstanceOf(TypeError); // it takes numbers
            continue;
          }
          expect(message.length, code).toBeLessThan(2100);
          expect(message, code).not.toMatch(hidden);
        }
  });

  test("a long part is cut and the end of the sentence stays", () => {
    const { message } = error("import-unreadable", null, "import", "x", "n".repeat(100_000));
    expect(message).toMatch(/n… \(\+99000 characters\)$/);
    const usage = error("tool-failed", null, "n".repeat(5000), "why");
    expect(usage.message).toMatch(/\(\+4000 characters\) cannot be used here: why$/);
  });

  test("notes are bounded too", () => {
    const noted = withNote(error("empty-spec", null), `${hostile.controls}${hostile.long}`);
    expect(noted.notes[0]?.message).not.toMatch(hidden);
    expect(noted.notes[0]?.message.length).toBeLessThan(2100);
  });
});
