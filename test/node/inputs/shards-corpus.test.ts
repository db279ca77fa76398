import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { exitCodes } from "../../../src/diagnostics/exit-codes.ts";
import { shardMessages } from "../../../src/diagnostics/messages/shards.ts";
import { messages } from "../../../src/diagnostics/messages.ts";
import { openWeightsFile } from "../../../src/node/inputs/weights-file.ts";
import { memorySource } from "../../../src/weights/formats/source.ts";
import { readTensorFile } from "../../../src/weights/formats/tensor-file.ts";
import { bindWeights } from "../../../src/weights/use/bind.ts";
import { corpusParams, corpusSpec, encode } from "../../corpus/safetensors-build.ts";
import { indexFile, type ShardsRow, shardsCorpus } from "../../corpus/shards.ts";
import { cnxc } from "../../support/cli.ts";
import { newFolder, snapshot } from "../../support/folders.ts";

/** A new folder that holds what the row says. */
function laid({ files, links = {}, hardLinks = {} }: ShardsRow): string {
  const folder = newFolder();
  for (const [name, bytes] of Object.entries(files())) {
    const file = path.join(folder, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, bytes);
  }
  for (const [name, to] of Object.entries(links)) fs.symlinkSync(to, path.join(folder, name));
  for (const [name, to] of Object.entries(hardLinks)) fs.linkSync(path.join(folder, to), path.join(folder, name));
  return folder;
}

describe("corpus of sharded weights", () => {
  test.each(shardsCorpus)("$id: $title", async row => {
    const folder = laid(row);
    const opened = await openWeightsFile(path.join(folder, indexFile));
    if (!opened.ok) throw new Error("not opened");
    const file = await readTensorFile(opened.value);
    const found = file.diagnostics.map(({ code }) => [messages[code].kind, code]);
    expect(found.slice(0, 1), file.diagnostics[0]?.message).toEqual(row.kind === null ? [] : [[row.kind, row.code]]);
    for (const { place, message } of file.diagnostics) {
      expect(message).toMatch(/^\S.*[^.]$/s);
      const { offset = null, file: name = "" } = place !== null && "file" in place ? place : {};
      expect(path.relative(folder, name)).toMatch(/^in\//);
      if (offset !== null) expect(offset).toBeLessThan(fs.statSync(name).size);
    }
    const text = JSON.stringify(file.diagnostics);
    for (const part of row.says) expect(text).toContain(JSON.stringify(part).slice(1, -1));
    if (file.ok) {
      expect([...file.value.tensors.keys()].sort()).toEqual(corpusParams.map(({ name }) => name).sort());
      const weights = await bindWeights(file.value, corpusParams);
      expect(weights.diagnostics).toEqual([]);
      for (const { name } of weights.ok ? corpusParams : []) await file.value.bytes(name);
    }
    await opened.value.close();
  });

  test("ids are unique and can be file names", () => {
    const ids = shardsCorpus.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^F46-[a-z0-9-]+$/);
  });

  test("every sentence about shards has a row", () => {
    const said = Object.keys(shardMessages).filter(code => !shardsCorpus.some(row => row.code === code));
    expect(said).toEqual(["index-alone"]);
  });

  test("F46: an index without files beside it says so", async () => {
    const { diagnostics } = await readTensorFile(memorySource("w", encode('{"weight_map":{"a":"b"}}')));
    expect(diagnostics.map(({ code }) => code)).toEqual(["index-alone"]);
  });
});

describe.each<readonly [name: string, words: readonly string[]]>([
  ["weights inspect", ["weights", "inspect", indexFile]],
  ["weights convert", ["weights", "convert", indexFile, "-o", "out.safetensors"]],
  ["weights diff", ["weights", "diff", indexFile, indexFile]],
  ["import", ["import", indexFile, "-o", "out.cnx"]],
  ["compile", ["compile", "a.cnx", "-t", "onnx", "-o", "out", "-w", indexFile]],
])("F46: %s", (_, words) => {
  test.each(["two-shards", "path-up", "link-out", "missing", "twice-spelt", "tensor-in-two"])("%s", async title => {
    const row = shardsCorpus.find(({ id }) => id === `F46-${title}`) as ShardsRow;
    const folder = laid(row);
    fs.writeFileSync(path.join(folder, "a.cnx"), corpusSpec);
    const before = snapshot(folder);
    const { code, stderr } = await cnxc(words, { cwd: folder });
    const kinds = [...stderr.matchAll(/^error\[(\w+)\//gm)].map(match => match[1]);
    expect([code, kinds], stderr).toEqual(row.kind === null ? [0, []] : [exitCodes[row.kind], [row.kind]]);
    for (const part of row.says) expect(stderr).toContain(part);
    if (row.kind !== null) expect(snapshot(folder)).toEqual(before);
  });
});
