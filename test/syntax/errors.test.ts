import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { formatDiagnostics } from "../../src/diagnostics/format.ts";
import { specMessages } from "../../src/diagnostics/messages/spec.ts";
import { messages } from "../../src/diagnostics/messages.ts";
import { countPoints } from "../../src/model/sweeps.ts";
import { checkFiles, type Files } from "./support.ts";

/*
 * A case is a folder named after the diagnostic it shows: input.cnx and what it imports, or a recipe.json that makes
 * them where they are large, and expected.txt with what a user reads.
 */
const folder = "test/cases/errors";
const cases = readdirSync(folder).filter(name => name in specMessages);

interface Recipe {
  readonly files: readonly {
    readonly name: string;
    readonly count?: number;
    /** Texts, each so many times; `{i}` counts them, `{f}` counts the files. */
    readonly parts: readonly (readonly [text: string, times: number])[];
  }[];
}

const fill = (text: string, f: number, i: number) =>
  text
    .replaceAll("{f+1}", `${f + 1}`)
    .replaceAll("{f}", `${f}`)
    .replaceAll("{i}", `${i}`);

const cook = ({ files }: Recipe): [string, Uint8Array][] =>
  files.flatMap(({ name, count = 1, parts }) =>
    Array.from({ length: count }, (_, f) => {
      const text = parts.flatMap(([part, times]) => Array.from({ length: times }, (_, i) => fill(part, f, i))).join("");
      return [fill(name, f, f), new TextEncoder().encode(text)] satisfies [string, Uint8Array];
    }),
  );

function filesIn(name: string): Files {
  const files = new Map<string, Uint8Array>();
  for (const file of readdirSync(join(folder, name))) {
    const path = join(folder, name, file);
    if (file === "expected.txt") continue;
    if (file.endsWith(".cnx") || file.startsWith("labels.")) files.set(file, readFileSync(path));
    else if (file === "recipe.json")
      for (const [made, bytes] of cook(JSON.parse(readFileSync(path, "utf8")))) files.set(made, bytes);
    else throw new Error(`${path} is no part of a case`);
  }
  return files;
}

describe("what a user is told", () => {
  test.each(cases)("%s", async name => {
    const program = checkFiles(filesIn(name));
    const results = [program, ...(program.ok ? program.value.sweeps.map(countPoints) : [])];
    const diagnostics = results.flatMap(result => result.diagnostics);
    expect(diagnostics.map(({ code }) => code)).toContain(name);
    await expect(`${formatDiagnostics(diagnostics, { limit: 40 })}\n`).toMatchFileSnapshot(
      join("../..", folder, name, "expected.txt"),
    );
  });
});

test("every sentence about a spec has a case, and every case a sentence", () => {
  expect(Object.keys(specMessages).filter(code => !cases.includes(code))).toEqual([]);
  expect(readdirSync(folder).filter(name => !(name in messages))).toEqual([]);
});
