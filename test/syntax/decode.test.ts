import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeSpec, sourceOf } from "../../src/syntax/decode.ts";
import { limits } from "../../src/syntax/limits.ts";
import { codesOf, errorsOf, must } from "./support.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What the platform makes of bytes, or null where it refuses them. */
function platform(bytes: Uint8Array): string | null {
  try {
    return strict.decode(bytes);
  } catch {
    return null;
  }
}

describe("decoding", () => {
  test("agrees with the platform about what UTF-8 is", () => {
    const chunk = fc.oneof(
      fc.string({ unit: "binary" }).map(text => Array.from(utf8(text))),
      fc.array(fc.integer({ min: 0x80, max: 0xff }), { maxLength: 4 }),
      fc.constantFrom([0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xc1, 0x81], [0xe0, 0x80, 0x80], [0xf0, 0x9f]),
    );
    fc.assert(
      fc.property(fc.array(chunk), chunks => {
        const bytes = Uint8Array.from([0x20, ...chunks.flat()]);
        const text = platform(bytes);
        const result = decodeSpec(bytes, "a.cnx");
        if (text === null) expect(codesOf(result)).toEqual(["not-utf8"]);
        else if (result.ok) expect(result.value.text).toBe(text);
        else expect(codesOf(result)).not.toContain("not-utf8");
      }),
    );
  });

  test("says at which byte it stopped", () => {
    const [diagnostic] = errorsOf(decodeSpec(Uint8Array.from([...utf8("// é\n"), 0xff]), "a.cnx"));
    expect(diagnostic?.place).toEqual({ file: "a.cnx", offset: 6 });
  });

  test("leaves out one byte-order mark at the start, and only there", () => {
    expect(must(decodeSpec(utf8("\uFEFFmodel"), "a.cnx")).text).toBe("model");
    expect(codesOf(decodeSpec(utf8("\uFEFF\uFEFFmodel"), "a.cnx"))).toEqual(["byte-order-mark"]);
  });

  test("keeps long texts whole, whatever their characters", () => {
    const text = "aé€😀\n".repeat(20_000);
    expect(must(decodeSpec(utf8(text), "a.cnx")).text).toBe(text);
  });

  test("takes as many bytes as allowed and not one more", () => {
    expect(must(decodeSpec(new Uint8Array(limits.bytes).fill(32), "a.cnx")).text).toHaveLength(limits.bytes);
    expect(codesOf(decodeSpec(new Uint8Array(limits.bytes + 1), "a.cnx"))).toEqual(["spec-too-large"]);
  });

  test("holds a text to the same rules as bytes", () => {
    expect(codesOf(sourceOf("model a {\u0007}\uD800 \u202E", "a.cnx"))).toEqual([
      "control-character",
      "lone-surrogate",
      "bidi-control",
    ]);
    expect(errorsOf(sourceOf("\0".repeat(10_000), "a.cnx"))).toHaveLength(100);
  });
});

const outcomeOf = (...bytes: readonly number[]): string => {
  const found = decodeSpec(Uint8Array.from(bytes), "f.cnx");
  return found.ok ? found.value.text : `${found.diagnostics[0]?.code} ${found.diagnostics[0]?.message}`;
};

test("marks of byte order: one of UTF-8 is left out, those of UTF-16 are named, parts of them are neither", () => {
  expect(outcomeOf(0xef, 0xbb, 0xbf, 0x41)).toBe("A");
  expect(outcomeOf(0xef, 0xbc, 0xbf)).toBe("\uff3f");
  expect(outcomeOf(0xee, 0xbb, 0xbf)).toBe("\ueeff");
  expect(outcomeOf(0xef, 0xbb, 0xbe)).toBe("\ufefe");
  expect(outcomeOf(0xff, 0xfe, 0x41)).toMatch(/^utf16 .*LE/);
  expect(outcomeOf(0xfe, 0xff, 0x41)).toMatch(/^utf16 .*BE/);
  for (const bytes of [
    [0xff, 0x41],
    [0x41, 0xfe],
    [0xfe, 0x41],
    [0x41, 0xff],
  ])
    expect(outcomeOf(...bytes)).toMatch(/^not-utf8/);
});

test("the first and last character of each length, and the first that is none", () => {
  const right = "~\u00a0\u07ff\u0800\ud7ff\ue000\uffff\u{10000}\u{10ffff}";
  const found = decodeSpec(new TextEncoder().encode(right), "f.cnx");
  expect(found.ok && found.value.text).toBe(right);
  for (const bytes of [
    [0xed, 0xa0, 0x80],
    [0xed, 0xbf, 0xbf],
    [0xf4, 0x90, 0x80, 0x80],
    [0xc1, 0xbf],
    [0xe0, 0x9f, 0xbf],
    [0xf0, 0x8f, 0xbf, 0xbf],
    [0xc3],
    [0x80],
    [0xc3, 0x41],
  ])
    expect(outcomeOf(0x41, ...bytes)).toMatch(/^not-utf8 .*1\b/);
});

test("as many bytes and letters as a spec may have, and one more", () => {
  const text = "\u00e4x".repeat(9000);
  const long = decodeSpec(new TextEncoder().encode(text), "f.cnx");
  expect(long.ok && long.value.text).toBe(text);
  const spaces = (n: number) => new Uint8Array(n).fill(0x20);
  expect(decodeSpec(spaces(limits.bytes), "f.cnx").ok).toBe(true);
  expect(decodeSpec(spaces(limits.bytes + 1), "f.cnx").diagnostics).toMatchObject([
    { code: "spec-too-large", place: { file: "f.cnx", offset: null } },
  ]);
  expect(sourceOf(" ".repeat(limits.bytes), "f.cnx").ok).toBe(true);
  expect(sourceOf(" ".repeat(limits.bytes + 1), "f.cnx").diagnostics).toMatchObject([
    { code: "spec-too-large", place: { file: "f.cnx", offset: null } },
  ]);
});
