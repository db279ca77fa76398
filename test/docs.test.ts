import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Fields } from "../src/model/field-types.ts";
import { buildFields, modelFields, trainFields } from "../src/model/fields.ts";
import { formatSpec } from "../src/syntax/format.ts";
import { limits } from "../src/syntax/limits.ts";
import { specNames } from "./support/specs.ts";
import { checkFiles, filesOf, must } from "./syntax/support.ts";

const text = readFileSync("docs/language.md", "utf8");
const specs = Object.fromEntries(
  specNames.filter(name => name.endsWith(".cnx")).map(name => [name, readFileSync(`specs/${name}`, "utf8")]),
);
const blocks = [...text.matchAll(/```cnx\n(.*?)```/gs)].map(([, code = ""], i) => ({ code, title: `${i + 1}` }));

describe("docs/language.md", () => {
  test.each(blocks)("block $title is right", ({ code }) => {
    must(checkFiles(filesOf({ ...specs, "input.cnx": code })));
  });

  test.each(blocks.filter(({ code }) => !code.includes("not good style")))("block $title is formatted", ({ code }) => {
    expect(must(formatSpec({ name: "input.cnx", text: code }))).toBe(code);
  });

  const recipes = text.slice(text.indexOf("## Recipes"), text.indexOf("## Writing it"));
  test.each([
    ["models and builds", { ...modelFields, ...buildFields }, text.replace(recipes, "")],
    ["recipes", trainFields, recipes],
  ] as const)("has a row for every field of %s, with its default", (_, fields: Fields, part: string) => {
    const rows = new Map(
      [...part.matchAll(/^\| `(\w+)` +\| .* \| (.*?) +\|$/gm)].map(([, name = "", byDefault = ""]) => [
        name,
        byDefault,
      ]),
    );
    for (const { name, value } of allFields(fields)) {
      expect(rows.has(name), name).toBe(true);
      if (value !== null) expect(rows.get(name), name).toBe(`\`${value}\``);
    }
  });

  test("states the limits", () => {
    for (const limit of [limits.tokens, limits.characters, limits.declarations, limits.listEntries, limits.files]) {
      expect(text.slice(text.indexOf("## Limits"))).toContain(`${limit}`);
    }
  });
});

/** The fields of declarations, and those of heads, optimisers, schedules and augmentation. A decoder's are told in its own row. */
function allFields(fields: Fields): readonly { readonly name: string; readonly value: string | null }[] {
  return Object.entries(fields).flatMap(([name, { type, default: value }]) => [
    { name, value },
    ...(type.kind === "choice" ? Object.values(type.of).flatMap(allFields) : []),
    ...(name === "augment" && type.kind === "group" ? allFields(type.fields) : []),
  ]);
}
