import { describe, expect, test } from "vitest";
import { memorySource } from "../../../src/weights/formats/source.ts";
import { readTensorFile } from "../../../src/weights/formats/tensor-file.ts";
import { bindWeights } from "../../../src/weights/use/bind.ts";
import { besideCorpus, model } from "../../corpus/beside.ts";
import { modelRecords } from "../../corpus/pickle-build.ts";
import { npzRows } from "../../corpus/pickle-npz.ts";
import { corpusParams, safetensorsCorpus } from "../../corpus/safetensors.ts";
import { saidOf } from "../../corpus/said.ts";
import {
  APPEND,
  APPENDS,
  dict,
  get,
  int,
  legacyTorch,
  list,
  MARK,
  pickle,
  put,
  tensor,
  torchZip,
} from "../../support/pickle-writer.ts";

describe("what lies beside weights", () => {
  test.each(besideCorpus)("$id: $title", async ({ bytes, key = null, code, says }) => {
    const file = await readTensorFile(memorySource("w.pt", bytes()), { key });
    const weights = file.ok ? await bindWeights(file.value, corpusParams) : file;
    const said = [...file.diagnostics, ...(file.ok ? weights.diagnostics : [])];
    const errors = said.filter(({ severity }) => severity === "error").map(({ code }) => code);
    expect(errors, saidOf(said)).toEqual(code === null ? [] : [code]);
    for (const part of says) expect(saidOf(said)).toContain(part);
    if (code !== null || !weights.ok) return;
    expect(said).toHaveLength(1);
    for (const { name } of corpusParams) expect(new Set(await weights.value.f32(name))).toEqual(new Set([0.5]));
  });

  test("ids are unique and can be file names", () => {
    const ids = besideCorpus.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^P\d\d-[a-z0-9-]*$/);
  });

  test.each([
    ["ADDITEMS on a list", [list(), MARK, int(1), 0x90]],
    ["APPENDS on a set", [0x8f, MARK, int(1), APPENDS]],
    ["APPEND on a set", [0x8f, int(1), APPEND]],
    ["FROZENSET without MARK", [0x91]],
  ])("P34: %s", async (_, code) => {
    const file = await readTensorFile(memorySource("w.pt", torchZip(pickle(dict(["x", code], ["model", model])))));
    expect(file.diagnostics.map(({ code }) => code)).toEqual(["pickle-stack"]);
  });

  test("one dictionary under two keys is no rival of itself", async () => {
    const bytes = torchZip(pickle(dict(["model", [model, put(200)]], ["state_dict", get(200)])), modelRecords());
    const file = await readTensorFile(memorySource("w.pt", bytes));
    expect(file.ok && file.value.tensors.size).toBe(corpusParams.length);
    expect(saidOf(file.diagnostics)).toBe(
      "state-ignored at null: 'state_dict' beside the weights under 'model' is not read",
    );
  });

  test("a dictionary that stands in a thousand places is looked at once", { timeout: 20_000 }, async () => {
    const one = dict(["w", tensor({ key: "0", shape: [4] })]);
    const many = Array.from({ length: 1000 }, (_, k) => [`k${k}`, dict(["a", int(k)], ["b", one])] as const);
    const file = await readTensorFile(memorySource("w.pt", torchZip(pickle(dict(...many)), { 0: new Uint8Array(16) })));
    expect(file.diagnostics.map(({ code }) => code)).toEqual(["state-none"]);
  });

  test("20,000 dictionaries, and as many names in one", { timeout: 30_000 }, async () => {
    const w = tensor({ key: "0", shape: [4] });
    const nested = Array.from({ length: 20_000 }, (_, k) => [`k${k}`, dict(["w", int(k)])] as const);
    const names = Array.from({ length: 20_000 }, (_, k) => [`stages.0.0.grn.gama${k}`, w] as const);
    const bytes = torchZip(pickle(dict(["names", dict(...names)], ...nested)), { 0: new Uint8Array(16) });
    const file = await readTensorFile(memorySource("w.pt", bytes));
    expect(file.diagnostics.map(({ code }) => code)).toEqual(["state-none"]);
  });
});

describe("--key", () => {
  test("in what was saved before version 1.6", async () => {
    const entry = tensor({ key: "0", shape: [4], legacy: true });
    const bytes = legacyTorch(dict(["a", dict(["w", entry])], ["b", dict(["v", entry])]), [
      ["0", 4, new Uint8Array(16)],
    ]);
    const file = await readTensorFile(memorySource("w.pt", bytes), { key: "b" });
    expect(file.ok && [...file.value.tensors.keys()]).toEqual(["v"]);
  });

  test.each([
    ["safetensors", safetensorsCorpus.find(({ id }) => id === "F01-good" || id.startsWith("F01"))?.bytes],
    [".npz", npzRows.find(({ read }) => read === null)?.bytes],
  ])("has no place in %s", async (_, bytes) => {
    const source = memorySource("w", bytes?.() ?? new Uint8Array());
    expect((await readTensorFile(source)).ok).toBe(true);
    const file = await readTensorFile(source, { key: "model" });
    expect(saidOf(file.diagnostics)).toContain("leave --key out");
    expect(file.diagnostics.map(({ code }) => code)).toEqual(["state-no-key"]);
  });
});
