import { describe, expect, test } from "vitest";
import { error } from "../../../src/diagnostics/messages.ts";
import { outcome } from "../../../src/node/outcome/outcome.ts";
import { render } from "../../../src/node/outcome/render.ts";
import { commanding, hidden, hostile } from "../../support/hostile.ts";

const text = Object.values(hostile).join("");

describe("what a command has to say", () => {
  const said = outcome({
    diagnostics: [error("usage", { file: text, offset: 3 }, text)],
    outputs: [{ path: text, status: "kept" }],
    text,
    result: { [text]: [text] },
    notes: [text],
  });

  test("commands no terminal, wherever in it a text is from a stranger", () => {
    const { stdout, stderr } = render(said, false);
    expect(stdout).not.toMatch(commanding);
    expect(stderr).not.toMatch(commanding);
    expect(stdout).toContain("\\u{1b}[2J");
    expect(stdout.split("\n")).toHaveLength(text.split("\n").length);
  });

  test("is for a program what it was, in characters that may be shown", () => {
    const { stdout } = render(said, true);
    expect(stdout).not.toMatch(hidden);
    expect(JSON.parse(stdout).result).toEqual({ [text]: [text] });
  });

  test("a spec that is printed is the spec, with all that may stand in its comments", () => {
    const spec = "// a\u2028b \u200b\u00ad\u{e0041} 模型\n";
    expect(render(outcome({ text: spec }), false).stdout).toBe(spec);
  });

  test("names files of any length, of which a terminal gets the beginning", () => {
    const file = "a".repeat(5000);
    const of = outcome({ diagnostics: [error("usage", { file, offset: null }, "x")] });
    expect(render(of, false).stderr).toContain(`${"a".repeat(1000)}… (+4000 characters)`);
    expect(JSON.parse(render(of, true).stdout).diagnostics[0].file).toBe(file);
  });
});
