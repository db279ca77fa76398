import { expect, test } from "vitest";
import { catchingFailures, Failure } from "../../../src/diagnostics/failure.ts";
import { dtypeBytes } from "../../../src/weights/dtype.ts";
import { unpickle } from "../../../src/weights/formats/pickle.ts";
import { allowedGlobals } from "../../../src/weights/formats/pickle-globals.ts";
import type { Value } from "../../../src/weights/formats/pickle-values.ts";
import { type ByteSource, memorySource } from "../../../src/weights/formats/source.ts";
import { readTensorFile } from "../../../src/weights/formats/tensor-file.ts";
import { elements } from "../../../src/weights/tensor.ts";
import { full } from "../../support/full.ts";
import { mutated, numbers } from "../../support/mutate.ts";
import {
  BUILD,
  type Code,
  call,
  dict,
  EMPTY_TUPLE,
  float,
  global,
  int,
  legacyTorch,
  list,
  NEWOBJ,
  npy,
  npyHeader,
  orderedDict,
  pickle,
  TRUE,
  tensor,
  text,
  torchZip,
  tuple,
} from "../../support/pickle-writer.ts";
import { zip } from "../../support/zip-writer.ts";

const rounds = full ? 100_000 : 6000;

/** One of everything that torch.save writes. */
const checkpoint = (legacy: boolean): Code =>
  dict(
    [
      "model",
      [
        orderedDict(
          ["a", tensor({ key: "0", shape: [2, 3], length: 6, legacy })],
          ["b", tensor({ key: "0", shape: [3, 2], strides: [1, 3], length: 6, legacy })],
          ["c", tensor({ key: "1", shape: [4], storage: "HalfStorage", legacy })],
          [
            "d",
            call(
              global("torch._utils", "_rebuild_parameter"),
              tensor({ key: "2", shape: [], legacy }),
              [TRUE],
              orderedDict(),
            ),
          ],
        ),
        dict(["_metadata", orderedDict(["", dict(["version", int(1)])])]),
        [BUILD],
      ],
    ],
    ["epoch", int(3)],
    ["lr", tuple(float(0.1), float(1e-3))],
    ["args", [global("argparse", "Namespace"), [EMPTY_TUPLE, NEWOBJ], dict(["x", list(int(1), text("é"))]), [BUILD]]],
  );
const records = { 0: new Uint8Array(24).fill(63), 1: new Uint8Array(8).fill(60), 2: new Uint8Array(4) };
const saved = pickle(checkpoint(false));
const archive = torchZip(saved, records);
const legacy = legacyTorch(checkpoint(true), [
  ["0", 6, records[0]],
  ["1", 4, records[1]],
  ["2", 1, records[2]],
]);
const array = npy(npyHeader("<f4", [2, 3]), records[0]);

const utf8 = (part: string): Uint8Array => new TextEncoder().encode(part);
const tokens: readonly (readonly number[] | Uint8Array)[] = [
  // Every opcode there is, and arguments that lie.
  ...Array.from({ length: 256 }, (_, code) => [code]),
  ...["cos\nsystem\n", "cbuiltins\neval\n", "ctorch\nLongStorage\n", "ctorch._utils\n_rebuild_tensor_v2\n"].map(utf8),
  ...[
    [255, 255, 255, 255],
    [255, 255, 255, 127],
    [0, 0, 0, 0],
    [1, 0, 0, 0],
    [0, 0, 0, 128],
    [0x8b, 0, 0, 0, 1],
  ],
  [0x95, 255, 255, 255, 255, 255, 255, 255, 255],
  ...["q\0", "h\0", "h\x01", "\x85", "\x86", "(tR", "}(u", "](e", "Nb", "Q", "."].map(part =>
    Uint8Array.from(part, letter => letter.charCodeAt(0)),
  ),
  // Signatures, names and fields of zip archives and arrays.
  ...[
    "PK\x03\x04",
    "PK\x01\x02",
    "PK\x05\x06",
    "PK\x06\x06",
    "PK\x06\x07",
    "PK\x07\x08",
    "archive/data/0",
    "data.pkl",
    "../../",
    "\\",
  ].map(utf8),
  [1, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  ...["'shape'", "(2, 3)", "True", "'<f8'", "-1", "9999999999", "\x93NUMPY"].map(utf8),
];

type Below = (n: number) => number;
/** Files that are broken, each in a place of its own: what is checksummed is broken before that. */
const makers: Readonly<Record<string, (below: Below) => Uint8Array>> = {
  pickle: below => torchZip(mutated(saved, tokens, below), records),
  archive: below => mutated(archive, tokens, below),
  legacy: below => mutated(legacy, tokens, below),
  array: below => zip([{ name: "w.npy", data: mutated(array, tokens, below) }]),
};

/** Counts what a reader asks for, which must lie in the file. */
function watched(bytes: Uint8Array): ByteSource {
  const source = memorySource("fuzz", bytes);
  return {
    ...source,
    read: (offset, length) => {
      if (!(offset >= 0 && length >= 0 && offset + length <= bytes.length)) throw new Error(`read ${offset}+${length}`);
      return source.read(offset, length);
    },
  };
}

test(`${rounds} broken files of torch.save and numpy.savez: an answer for each`, { timeout: 1_800_000 }, async () => {
  const below = numbers(20_260_202);
  const accepted: Record<string, number> = {};
  const names = Object.keys(makers);
  for (let round = 0; round < rounds; round++) {
    const name = names[round % names.length] as string;
    const bytes = makers[name]?.(below) ?? new Uint8Array();
    const file = await readTensorFile(watched(bytes));
    if (!file.ok) {
      const [first] = file.diagnostics;
      const place = first?.place ?? null;
      const offset = place !== null && "file" in place ? (place.offset ?? 0) : -1;
      if (first?.severity !== "error" || offset < 0 || offset >= Math.max(1, bytes.length))
        throw new Error(`${round}: ${JSON.stringify(first)} of ${bytes.length}`);
      continue;
    }
    accepted[name] = (accepted[name] ?? 0) + 1;
    for (const { name, dtype, shape } of file.value.tensors.values()) {
      const data = await catchingFailures(async () => ({
        ok: true,
        value: await file.value.bytes(name),
        diagnostics: [],
      }));
      // A tensor is never larger than the file that it is in.
      const size = elements(shape) * dtypeBytes[dtype];
      if (size > bytes.length || (data.ok && data.value.length !== size)) throw new Error(`${round}: ${name} ${size}`);
    }
  }
  // Enough survive to show that the mutations are not all of one kind.
  for (const name of names) expect(accepted[name] ?? 0, name).toBeGreaterThan(rounds / 1000);
});

/** Everything reachable, each once. */
function globalsIn(value: Value): ReadonlySet<string> {
  const names = new Set<string>();
  const seen = new Set<unknown>();
  const left: unknown[] = [value];
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next !== "object" || next === null || seen.has(next)) continue;
    seen.add(next);
    if ("type" in next && next.type === "global" && "name" in next) names.add(String(next.name));
    left.push(...Object.values(next));
  }
  return names;
}

test(`${rounds} broken pickles: no name comes out that is not on the list`, { timeout: 900_000 }, () => {
  const below = numbers(20_260_303);
  const found = new Set<string>();
  let accepted = 0;
  for (let round = 0; round < rounds; round++) {
    try {
      const { value } = unpickle("fuzz", mutated(saved, tokens, below), 0, 0);
      accepted++;
      for (const name of globalsIn(value)) found.add(name);
    } catch (cause) {
      if (!(cause instanceof Failure)) throw cause;
    }
  }
  expect(accepted).toBeGreaterThan(rounds / 100);
  expect([...found].filter(name => !allowedGlobals.includes(name))).toEqual([]);
});
