import { readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";

/** Codes at the start of a text: of a title, `R29, R30: …`, and of a corpus id, `F22-two-high`; not element types, `F16`. */
const codesOf = (text: string): readonly string[] =>
  /^[CFI]\d\d$/.test(text) ? [] : (/^[A-Z]\d\db?(?:, [A-Z]\d\db?)*(?=[:-]|$)/.exec(text)?.[0].split(", ") ?? []);

const used = new Set<string>();
for (const entry of readdirSync("test", { recursive: true, withFileTypes: true })) {
  for (const code of codesOf(entry.name)) used.add(code);
  if (!entry.isFile() || !entry.name.endsWith(".ts") || entry.name === "codes.test.ts") continue;
  const source = readFileSync(path.join(entry.parentPath, entry.name), "utf8");
  for (const [, text = ""] of source.matchAll(/["'`]([A-Z]\d\d[^"'`\n]*)/g))
    for (const code of codesOf(text)) used.add(code);
}

const explained = [...readFileSync("test/codes.md", "utf8").matchAll(/^- ([A-Z]\d\db?): \S/gm)].map(([, code]) => code);

test("test/codes.md has a line for every code in a title or a corpus, and none besides", () => {
  expect(used.size).toBeGreaterThan(200);
  expect(explained).toEqual([...used].sort());
});
