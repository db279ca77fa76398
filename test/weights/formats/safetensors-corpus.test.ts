import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Diagnostic } from "../../../src/diagnostics/diagnostic.ts";
import { messages } from "../../../src/diagnostics/messages.ts";
import { readSafetensors } from "../../../src/weights/formats/safetensors.ts";
import { memorySource } from "../../../src/weights/formats/source.ts";
import { bindWeights } from "../../../src/weights/use/bind.ts";
import { corpusParams, type Outcome, safetensorsCorpus } from "../../corpus/safetensors.ts";
import { saidOf } from "../../corpus/said.ts";

const outcomes = (diagnostics: readonly Diagnostic[]): readonly Outcome[] =>
  diagnostics.map(({ code }) => ({ kind: messages[code].kind, code }));

/** Every diagnostic points into the file, or at all of it, and says one sentence. */
function sound(diagnostics: readonly Diagnostic[], size: number): void {
  for (const { place, message, notes } of diagnostics) {
    for (const where of [place, ...notes.map(note => note.place)]) {
      if (where === null || !("file" in where)) continue;
      expect(where.file).toBe("w.safetensors");
      if (where.offset === null) continue;
      expect(where.offset).toBeGreaterThanOrEqual(0);
      expect(where.offset).toBeLessThan(size);
    }
    expect(message).toMatch(/^\S.*[^.]$/s);
    expect(message.length).toBeLessThan(1000);
  }
}

describe("safetensors corpus", () => {
  test.each(safetensorsCorpus)("$id: $title", async ({ bytes, read, bound = read, values = bound }) => {
    const file = bytes();
    const found = await readSafetensors(memorySource("w.safetensors", file));
    sound(found.diagnostics, file.length);
    expect(outcomes(found.diagnostics).slice(0, 1)).toEqual(read === null ? [] : [read]);
    expect(found.ok).toBe(read === null || read.kind.startsWith("W_"));
    expect(saidOf(found.diagnostics)).toMatchSnapshot();
    if (!found.ok) return;

    const weights = await bindWeights(found.value, corpusParams);
    const said = [...found.diagnostics, ...weights.diagnostics];
    sound(said, file.length);
    expect(outcomes(said).slice(0, 1)).toEqual(bound === null ? [] : [bound]);
    expect(weights.ok).toBe(bound === null || bound.kind.startsWith("W_"));

    const reported: Diagnostic[] = [...said];
    const again = await bindWeights(found.value, corpusParams, diagnostic => reported.push(diagnostic));
    if (!again.ok) return;
    for (const { name } of corpusParams) await again.value.f32(name);
    sound(reported, file.length);
    expect(saidOf(reported)).toMatchSnapshot();
    expect(outcomes(reported)).toEqual(values === null ? [] : [values]);
  });

  test("ids are unique and can be file names", () => {
    const ids = safetensorsCorpus.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[FW]\d\d-[a-z0-9-]+$/);
  });

  test("every sentence of the reader has a row, and every row's code is of its kind", () => {
    const sources = ["json", "header", "safetensors"].map(name =>
      readFileSync(new URL(`../../../src/weights/formats/${name}.ts`, import.meta.url), "utf8"),
    );
    const said = new Set(sources.flatMap(text => [...text.matchAll(/"(weights-[a-z-]+)"/g)].map(([, code]) => code)));
    expect([...said].filter(code => !safetensorsCorpus.some(({ read }) => read?.code === code))).toEqual([]);
    expect(said.size).toBeGreaterThan(20);
  });

  test("__proto__ as metadata reaches no prototype", async () => {
    const row = safetensorsCorpus.find(({ id }) => id === "F41-metadata-proto");
    const file = await readSafetensors(memorySource("w.safetensors", row?.bytes() ?? new Uint8Array()));
    expect(file.ok && file.value.metadata.get("__proto__")).toBe("x");
    expect(Object.hasOwn(Object.prototype, "x")).toBe(false);
  });
});
