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
