import { afterEach, expect, test, vi } from "vitest";
import { Failure } from "../../../src/diagnostics/failure.ts";
import { unpickle } from "../../../src/weights/formats/pickle.ts";
import { allowedGlobals } from "../../../src/weights/formats/pickle-globals.ts";
import { memorySource } from "../../../src/weights/formats/source.ts";
import { readTensorFile } from "../../../src/weights/formats/tensor-file.ts";
import { model, objects } from "../../corpus/beside.ts";
import { modelRecords } from "../../corpus/pickle-build.ts";
import { full } from "../../support/full.ts";
import { mutated, numbers } from "../../support/mutate.ts";
import { bytesOf, type Code, dict, list, pickle, torchZip } from "../../support/pickle-writer.ts";

const rounds = full ? 200_000 : 2000;

type Below = (n: number) => number;

/** A checkpoint that is broken anywhere, or only in an object beside the weights, which most of the others leave alone. */
const makers: readonly ((code: Code, below: Below) => Uint8Array)[] = [
  (code, below) => mutated(pickle(dict(["best", code], ["model", model])), tokens, below),
  (code, below) => pickle(dict(["model", model], ["log", list(mutated(bytesOf(code), tokens, below))])),
];
const records = modelRecords();

const utf8 = (part: string): Uint8Array => new TextEncoder().encode(part);
const tokens: readonly (readonly number[] | Uint8Array)[] = [
  ...Array.from({ length: 256 }, (_, code) => [code]),
  ...["cos\nsystem\n", "cbuiltins\neval\n", "cbuiltins\nexec\n", "csubprocess\nPopen\n", "cprocess\nexit\n"].map(utf8),
  ...["c__proto__\nconstructor\n", "cglobalThis\neval\n", "ccollections\nOrderedDict\n", "ctorch\nFloatStorage\n"].map(
    utf8,
  ),
  ...["X\x04\0\0\0true", "X\x01\0\0\0", "q\0h\0", "(tR", "\x85R", ")R", ")\x81", "}b", "(e", "(u", "Q", "\x93"].map(
    part => Uint8Array.from(part, letter => letter.charCodeAt(0)),
  ),
];

afterEach(() => vi.restoreAllMocks());

test(`${rounds} broken pickles with objects of other packages beside the weights: nothing is called`, {
  timeout: 1_800_000,
}, async () => {
  // What a pickle that is run would reach for.
  const reached = [
    vi.spyOn(globalThis, "eval").mockReturnValue(undefined),
    vi.spyOn(process, "kill").mockReturnValue(true),
    vi.spyOn(process, "exit").mockReturnValue(undefined as never),
  ];
  const below = numbers(20_261_130);
  let [read, refused] = [0, 0];
  for (let round = 0; round < rounds; round++) {
    const code = objects[round % objects.length]?.[1] ?? [];
    const bytes = makers[below(makers.length)]?.(code, below) ?? new Uint8Array();
    const file = await readTensorFile(memorySource("fuzz", torchZip(bytes, records)));
    file.ok ? read++ : refused++;
    if (!file.ok && file.diagnostics.at(-1)?.severity !== "error") throw new Error(`${round}: no error`);
    try {
      for (const value of valuesIn(unpickle("fuzz", bytes, 0, 0).value)) {
        if (typeof value === "function") throw new Error(`${round}: a function`);
        if (value.type === "global" && !allowedGlobals.includes(`${value.name}`))
          throw new Error(`${round}: ${value.name}`);
      }
    } catch (cause) {
      if (!(cause instanceof Failure)) throw cause;
    }
  }
  for (const spy of reached) expect(spy).not.toHaveBeenCalled();
  expect(Math.min(read, refused)).toBeGreaterThan(rounds / 20);
});

/** Every object and function that a value holds, but for what a row of the list says of itself. */
function* valuesIn(value: unknown): Generator<Record<string, unknown> | (() => void)> {
  const seen = new Set<unknown>();
  const left: unknown[] = [value];
  while (left.length > 0) {
    const next = left.pop();
    if ((typeof next !== "object" && typeof next !== "function") || next === null || seen.has(next)) continue;
    seen.add(next);
    yield next as Record<string, unknown>;
    for (const [key, inside] of Object.entries(next)) if (key !== "row") left.push(inside);
  }
}
