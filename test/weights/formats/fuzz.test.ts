import { expect, test } from "vitest";
import { dtypeBytes } from "../../../src/weights/dtype.ts";
import { readSafetensors } from "../../../src/weights/formats/safetensors.ts";
import { memorySource } from "../../../src/weights/formats/source.ts";
import { elements, type TensorFile } from "../../../src/weights/tensor.ts";
import { full } from "../../support/full.ts";
import { mutated, numbers } from "../../support/mutate.ts";

const header =
  '{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},' +
  '"b":{"dtype":"I8","shape":[],"data_offsets":[24,25]},"c":{"x":[1,{"y":null}],"dtype":"BF16","shape":[0],"data_offsets":[25,25]}}  ';
const dataBytes = 25;

/** Pieces that mean something to some reader. */
const tokens = [
  ...'{}[],:"\\0123456789-+.eE \t\n\0\u007f',
  ..."null true false 1e3 0.0 -0 9007199254740993 18446744073709551616 \\u0061 \\ud800 \\udc00 é 😀 \ufeff".split(" "),
  ...'__proto__ constructor "dtype" "shape" "data_offsets" "F32" "a": {"a": [[[[ ]]]] ,, "" \\" \\\\'.split(" "),
].map(token => new TextEncoder().encode(token));

/** JSON.parse as the judge: it takes more than we do, so what we take it must take, with the same meaning. */
function agree(text: Uint8Array, file: TensorFile): void {
  const parsed: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(text));
  const { __metadata__: facts = {}, ...tensors } = parsed as Record<
    string,
    { readonly dtype?: unknown; readonly shape?: unknown }
  >;
  expect(Object.fromEntries(file.metadata)).toEqual(facts);
  expect([...file.tensors.keys()].toSorted()).toEqual(Object.keys(tensors).toSorted());
  for (const { name, dtype, shape } of file.tensors.values())
    expect({ dtype, shape }).toEqual({ dtype: tensors[name]?.dtype, shape: tensors[name]?.shape });
}

const rounds = full ? 200_000 : 20_000;

test(`${rounds} broken headers: an answer for each, and never a wrong one`, { timeout: 900_000 }, async () => {
  const below = numbers(20_260_101);
  const good = new TextEncoder().encode(header);
  let accepted = 0;
  for (let round = 0; round < rounds; round++) {
    const text = mutated(good, tokens, below);
    // Sometimes the length lies, sometimes the data are cut.
    const shift = below(20) === 0 ? below(9) - 4 : 0;
    const data = new Uint8Array(below(20) === 0 ? below(40) : dataBytes);
    const bytes = new Uint8Array(8 + text.length + data.length);
    new DataView(bytes.buffer).setUint32(0, Math.max(0, text.length + shift), true);
    bytes.set(text, 8);
    const file = await readSafetensors(memorySource("fuzz", bytes));
    if (!file.ok) {
      const [first] = file.diagnostics;
      const place = first?.place ?? null;
      const offset = place !== null && "file" in place ? (place.offset ?? 0) : -1;
      if (first?.severity !== "error" || offset < 0 || offset >= Math.max(1, bytes.length))
        throw new Error(`${round}: ${JSON.stringify(first)} of ${bytes.length}`);
      continue;
    }
    accepted++;
    if (shift === 0) agree(text, file.value);
    for (const { name, dtype, shape } of file.value.tensors.values())
      expect((await file.value.bytes(name)).length).toBe(elements(shape) * dtypeBytes[dtype]);
  }
  // Enough survive to show that the mutations are not all of one kind.
  expect(accepted).toBeGreaterThan(rounds / 40);
});
