import { execFileSync } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Result } from "../../src/diagnostics/diagnostic.ts";
import { formatDiagnostics } from "../../src/diagnostics/format.ts";
import { messages } from "../../src/diagnostics/messages.ts";
import { check } from "../../src/model/check.ts";
import type { Program } from "../../src/model/model.ts";
import { importReader } from "../../src/node/inputs/import-reader.ts";
import { decodeSpec } from "../../src/syntax/decode.ts";
import { limits } from "../../src/syntax/limits.ts";
import { load } from "../../src/syntax/load.ts";
import { type SpecCase, specCorpus, storedNames } from "../corpus/spec.ts";

const root = mkdtempSync(join(tmpdir(), "cnxc-corpus-"));
afterAll(() => rmSync(root, { recursive: true }));

/** Puts a case on disk and says where its main file is. */
function layOut({ id, title, main, files, links = {}, fifos = [], sparse = {} }: SpecCase): string {
  const folder = join(root, `${id}-${title}`);
  const at = (path: string): string => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    return join(folder, path);
  };
  for (const [path, bytes] of files()) writeFileSync(at(path), bytes);
  for (const [path, target] of Object.entries(links)) symlinkSync(target, at(path));
  for (const path of fifos) execFileSync("mkfifo", [at(path)]);
  for (const [path, size] of Object.entries(sparse)) {
    writeFileSync(at(path), "");
    truncateSync(at(path), size);
  }
  return join(folder, main);
}

/** As much of a file as it takes to see that it is too large. */
function readStart(path: string): Uint8Array {
  const bytes = new Uint8Array(limits.bytes + 1);
  const file = openSync(path, "r");
  const length = readSync(file, bytes);
  closeSync(file);
  return bytes.subarray(0, length);
}

function compile(path: string): Result<Program> {
  const source = decodeSpec(readStart(path), path);
  const files = source.ok ? load(source.value, importReader(path, null)) : source;
  return files.ok ? check(files.value) : files;
}

/** The slowest takes a second. */
const hangs = { timeout: 20_000 };

describe("specs that are bad, odd or large", () => {
  test.each(specCorpus.map(row => ({ ...row, name: `${row.id} ${row.title}` })))("$name", hangs, row => {
    const result = compile(layOut(row));
    const text = formatDiagnostics(result.diagnostics);
    if (row.expected === "ok") expect(text).toBe("");
    else {
      expect(result.ok).toBe(false);
      expect([...new Set(result.diagnostics.map(({ code }) => messages[code].kind))]).toEqual([row.expected]);
      expect(text).toContain(row.says ?? "");
    }
    // Nothing that a terminal would obey, and no line longer than a screen takes.
    expect(text).not.toMatch(/(?!\n)\p{Cc}|\p{Bidi_Control}/u);
    for (const line of text.split("\n")) expect(line.length).toBeLessThan(line.includes("│") ? 140 : 400);
  });
});

test("the table names what lies in the folder", () => {
  expect(storedNames.found).toEqual(storedNames.listed);
});
