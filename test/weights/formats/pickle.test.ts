import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Diagnostic } from "../../../src/diagnostics/diagnostic.ts";
import { catchingFailures } from "../../../src/diagnostics/failure.ts";
import { messages } from "../../../src/diagnostics/messages.ts";
import { type ByteSource, memorySource } from "../../../src/weights/formats/source.ts";
import { readTensorFile } from "../../../src/weights/formats/tensor-file.ts";
import { elements, readF32, type TensorFile } from "../../../src/weights/tensor.ts";
import { bindWeights } from "../../../src/weights/use/bind.ts";
import { besideCorpus } from "../../corpus/beside.ts";
import { pickleCorpus } from "../../corpus/pickle.ts";
import { filled, modelZip } from "../../corpus/pickle-build.ts";
import { corpusParams, type Outcome } from "../../corpus/safetensors.ts";
import { saidOf } from "../../corpus/said.ts";
import { dict, pickle, tensor, torchZip } from "../../support/pickle-writer.ts";
import { zip } from "../../support/zip-writer.ts";

const outcomes = (diagnostics: readonly Diagnostic[]): readonly Outcome[] =>
  diagnostics.map(({ code }) => ({ kind: messages[code].kind, code }));

/** Every diagnostic points into the file, or at all of it, and says one sentence. */
function sound(diagnostics: readonly Diagnostic[], size: number): void {
  for (const { place, message, notes } of diagnostics) {
    for (const where of [place, ...notes.map(note => note.place)]) {
      if (where === null || !("file" in where)) continue;
      expect(where.file).toBe("w.pt");
      if (where.offset === null) continue;
      expect(where.offset).toBeGreaterThanOrEqual(0);
      expect(where.offset).toBeLessThan(size);
    }
    expect(message).toMatch(/^\S.*[^.]$/s);
    expect(message.length).toBeLessThan(1000);
  }
}

const open = async (bytes: Uint8Array): Promise<TensorFile> => {
  const file = await readTensorFile(memorySource("w.pt", bytes));
  if (!file.ok) throw new Error(file.diagnostics[0]?.message);
  return file.value;
};

describe("corpus of torch.save and numpy.savez", () => {
  test.each(pickleCorpus)("$id: $title", async ({ bytes, read, bound = read, says = "" }) => {
    const file = bytes();
    const found = await readTensorFile(memorySource("w.pt", file));
    sound(found.diagnostics, Math.max(1, file.length));
    expect(outcomes(found.diagnostics)).toEqual(read === null ? [] : [read]);
    const sentences = found.diagnostics.flatMap(({ message, notes }) => [message, ...notes.map(note => note.message)]);
    expect(sentences.join("\n")).toContain(says);
    expect(found.ok).toBe(read === null || read.kind.startsWith("W_"));
    expect(saidOf(found.diagnostics)).toMatchSnapshot();
    if (!found.ok) return;

    const weights = await bindWeights(found.value, corpusParams);
    const said = [...found.diagnostics, ...weights.diagnostics];
    sound(said, file.length);
    expect(outcomes(said).slice(0, 1)).toEqual(bound === null ? [] : [bound]);
    expect(weights.ok).toBe(bound === null || bound.kind.startsWith("W_"));
    if (!weights.ok) return;
    for (const { name } of corpusParams) expect(new Set(await weights.value.f32(name))).toEqual(new Set([0.5]));
  });

  test("ids are unique and can be file names", () => {
    const ids = pickleCorpus.map(({ id }) => id);
    expect(ids.filter((id, k) => ids.indexOf(id) !== k)).toEqual([]);
    for (const id of ids) expect(id).toMatch(/^[PWZ]\d\d[a-z0-9-]*$/);
    const rows = [1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 16, 17, 18, 20, 21, 22, 24, 25, 26, 28, 29, 30, 32, 33, 34, 36];
    const all = [...rows, 37, 38, 40, 41, 42, 44, 45, 46, 48, 49, 50, 52].map(n => `P${`${n}`.padStart(2, "0")}`);
    expect([...all, "P05b"].filter(row => !ids.some(id => id.startsWith(`${row}-`)))).toEqual([]);
  });

  test("every sentence of these readers has a row", () => {
    const archives = ["zip", "pytorch", "pytorch-legacy", "npy", "npz", "tensor-file"];
    const files = [...archives, "pickle", "pickle-foreign", "state-dict", "tensor-view"];
    const sources = files.map(name =>
      readFileSync(new URL(`../../../src/weights/formats/${name}.ts`, import.meta.url), "utf8"),
    );
    const said = new Set(
      sources.flatMap(text => [...text.matchAll(/error\(\s*"([a-z0-9-]+)"/g)].map(([, code]) => code)),
    );
    const rows = new Set<string | null | undefined>([
      ...pickleCorpus.map(({ read }) => read?.code),
      ...besideCorpus.map(({ code }) => code),
    ]);
    expect([...said].filter(code => !rows.has(code))).toEqual([]);
    expect(said.size).toBeGreaterThan(35);
  });
});

describe("data", () => {
  const values = Float32Array.from({ length: 24 }, (_, k) => k);
  const records = { 0: new Uint8Array(values.buffer) };
  const view = (more: object) => tensor({ key: "0", shape: [2, 3, 4], length: 24, ...more });

  test("P02: views are put in row-major order, wherever they begin and however they are turned", async () => {
    const file = await open(
      torchZip(
        pickle(
          dict(
            ["plain", view({})],
            ["turned", view({ shape: [4, 3, 2], strides: [1, 4, 12] })],
            ["middle", view({ shape: [3, 2], strides: [4, 12], offset: 2 })],
            ["stepped", view({ shape: [6], strides: [4], offset: 1 })],
            ["repeated", view({ shape: [2, 3], strides: [0, 1], offset: 5 })],
            ["scalar", view({ shape: [], offset: 23 })],
            ["ones", view({ shape: [1, 4, 1], strides: [99, 1, 77], offset: 4 })],
          ),
        ),
        records,
      ),
    );
    const read = async (name: string) => [...(await readF32(file, name))];
    expect(await read("plain")).toEqual([...values]);
    expect(await read("turned")).toEqual(
      Array.from({ length: 24 }, (_, k) => Math.floor(k / 6) + 4 * (Math.floor(k / 2) % 3) + 12 * (k % 2)),
    );
    expect(await read("middle")).toEqual([2, 14, 6, 18, 10, 22]);
    expect(await read("stepped")).toEqual([1, 5, 9, 13, 17, 21]);
    expect(await read("repeated")).toEqual([5, 6, 7, 5, 6, 7]);
    expect(await read("scalar")).toEqual([23]);
    expect(await read("ones")).toEqual([4, 5, 6, 7]);
    expect(file.tensors.get("turned")?.dataAt).toBeNull();
    expect(file.tensors.get("ones")?.dataAt).toBe((file.tensors.get("plain")?.dataAt ?? 0) + 16);
  });

  test.each([
    ["all of the record", view({})],
    ["a few of its bytes", view({ shape: [1], offset: 3 })],
  ])("P12: a changed byte is found when %s is read, and told once by its name", async (_, code) => {
    const bytes = torchZip(pickle(dict(["w", code])), records);
    const good = await open(bytes);
    expect((await good.bytes("w")).length).toBeGreaterThan(0);
    const at = good.tensors.get("w")?.dataAt ?? 0;
    bytes[at + 20] = 1 ^ (bytes[at + 20] ?? 0);
    const file = await open(bytes);
    const result = await catchingFailures(async () => ({ ok: true, value: await file.bytes("w"), diagnostics: [] }));
    expect(outcomes(result.diagnostics)).toEqual([{ kind: "E_W_ZIP", code: "zip-checksum" }]);
    expect(result.diagnostics[0]?.message).toContain("archive/data/0");
  });

  test("what is opened is not read: two reads of a file of many tensors, and one more for each", async () => {
    const reads: number[] = [];
    const bytes = modelZip();
    const source = memorySource("w.pt", bytes);
    const counting: ByteSource = {
      ...source,
      read: (offset, length) => {
        reads.push(length);
        return source.read(offset, length);
      },
    };
    const file = await readTensorFile(counting);
    expect(file.ok).toBe(true);
    expect(reads.length).toBeLessThan(10);
    const before = reads.length;
    if (file.ok) for (const name of file.value.tensors.keys()) await file.value.bytes(name);
    expect(reads.length - before).toBe(corpusParams.length);
  });

  test("P02: a storage that many tensors share is summed up once", async () => {
    const bytes = pickleCorpus.find(({ id }) => id === "P02-shared")?.bytes() ?? new Uint8Array();
    let read = 0;
    const source = memorySource("w.pt", bytes);
    const file = await readTensorFile({
      ...source,
      read: (offset, length) => {
        read += length;
        return source.read(offset, length);
      },
    });
    const opened = read;
    if (file.ok) for (const name of file.value.tensors.keys()) await file.value.bytes(name);
    const size = corpusParams.reduce((sum, { shape }) => sum + 4 * elements(shape), 0);
    // Once for its checksum, and each tensor.
    expect(read - opened).toBe(2 * size);
  });

  test("P53: a storage of 3 GB and an archive of 6, of which only what is asked for is read", async () => {
    // Zeros that nobody holds: a record of 3 GB is in the file's size alone.
    const length = 3 * 2 ** 28;
    const [size, word] = [
      4 * length,
      (n: number) => [n & 255, (n >> 8) & 255, (n >> 16) & 255, Math.floor(n / 2 ** 24) & 255],
    ];
    const data = pickle(
      dict(["big", tensor({ key: "0", shape: [3, 2 ** 28] })], ["small", tensor({ key: "1", shape: [2] })]),
    );
    const part = (name: string, data: Uint8Array) => ({ name, data });
    // An archive with an empty record, cut open in front of its directory, and the hole put in.
    const closed = zip([part("a/data.pkl", data), part("a/data/1", filled(2)), part("a/data/0", new Uint8Array())]);
    const end = closed.length - 22;
    const directory = new DataView(closed.buffer, closed.byteOffset).getUint32(end + 16, true);
    const patched = closed.slice();
    const local = directory - 30 - "a/data/0".length;
    const row = end - 46 - "a/data/0".length;
    const crc = 0; // not looked at as long as the record is not read
    for (const [at, value] of [
      [local + 14, crc],
      [local + 18, size],
      [local + 22, size],
      [row + 16, crc],
      [row + 20, size],
      [row + 24, size],
      [end + 16, directory + size],
    ] as const)
      patched.set(word(value), at);
    let most = 0;
    const source: ByteSource = {
      name: "w.pt",
      size: patched.length + size,
      read: async (offset, length) => {
        most = Math.max(most, length);
        const bytes = new Uint8Array(length);
        for (let k = 0; k < length && length < 1e6; k++) {
          const at = offset + k;
          bytes[k] = (at < directory ? patched[at] : at < directory + size ? 0 : patched[at - size]) ?? 0;
        }
        return bytes;
      },
    };
    const file = await readTensorFile(source);
    expect(file.diagnostics).toEqual([]);
    if (!file.ok) return;
    expect([...(await readF32(file.value, "small"))]).toEqual([0.5, 0.5]);
    expect(file.value.tensors.get("big")?.shape).toEqual([3, 2 ** 28]);
    expect(most).toBeLessThan(1e6);
  });
});
