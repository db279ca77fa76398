import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dtypeBytes, type FileDType, toF32 } from "../../../src/weights/dtype.ts";
import { readSafetensors, writeSafetensors } from "../../../src/weights/formats/safetensors.ts";
import { type ByteSource, memorySource } from "../../../src/weights/formats/source.ts";
import { pieceBytes } from "../../../src/weights/pieces.ts";
import { elements, readF32, type TensorData, type TensorFile } from "../../../src/weights/tensor.ts";
import { bindWeights } from "../../../src/weights/use/bind.ts";
import { goldenParams, readGolden } from "../../support/golden.ts";

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const piece of pieces) parts.push(piece);
  return new Uint8Array(Buffer.concat(parts));
}

async function open(bytes: Uint8Array): Promise<TensorFile> {
  const file = await readSafetensors(memorySource("test.safetensors", bytes));
  expect(file.diagnostics).toEqual([]);
  if (!file.ok) throw new Error("unreachable");
  return file.value;
}

const tensor = (name: string, dtype: FileDType, shape: readonly number[], bytes: Uint8Array): TensorData => ({
  name,
  dtype,
  shape,
  bytes: () => bytes,
});

const tensors = fc.uniqueArray(
  fc
    .record({
      name: fc.string({ unit: "grapheme", maxLength: 12 }).filter(name => name !== "__metadata__"),
      dtype: fc.constantFrom(...(Object.keys(dtypeBytes) as FileDType[])),
      shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
      fill: fc.integer({ min: 0, max: 255 }),
    })
    .map(({ name, dtype, shape, fill }) => {
      const bytes = Uint8Array.from({ length: elements(shape) * dtypeBytes[dtype] }, (_, i) => (i * 31 + fill) & 255);
      return tensor(name, dtype, shape, bytes);
    }),
  { selector: ({ name }) => name, maxLength: 8 },
);
const metadata = fc.dictionary(
  fc.string().filter(text => text !== "__proto__"),
  fc.string({ unit: "grapheme" }),
);

describe("safetensors", () => {
  test("what is written is read back, whatever the order it came in", async () => {
    await fc.assert(
      fc.asyncProperty(tensors, metadata, async (written, facts) => {
        const bytes = await collect(writeSafetensors(written, facts));
        expect(await collect(writeSafetensors(written.toReversed(), facts))).toEqual(bytes);
        expect(Number(new DataView(bytes.buffer).getBigUint64(0, true)) % 8).toBe(0);
        const file = await open(bytes);
        expect(Object.fromEntries(file.metadata)).toEqual({ ...facts });
        expect(file.tensors.size).toBe(written.length);
        for (const { name, dtype, shape, bytes } of written) {
          expect(file.tensors.get(name)).toMatchObject({ name, dtype, shape });
          expect(new Uint8Array(await file.bytes(name))).toEqual(await bytes());
        }
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  test("a tensor is written as soon as its turn comes, and only then", async () => {
    const asked: string[] = [];
    const lazy = (name: string): TensorData => ({
      name,
      dtype: "U8",
      shape: [3],
      bytes: () => {
        asked.push(name);
        return Uint8Array.of(1, 2, 3);
      },
    });
    const pieces = writeSafetensors([lazy("b"), lazy("a")]);
    await pieces.next();
    expect(asked).toEqual([]);
    await pieces.next();
    expect(asked).toEqual(["a"]);
  });

  test("float values survive at an odd address", async () => {
    const values = Float32Array.of(1.5, -0, 3e38);
    const file = await open(
      await collect(
        writeSafetensors([
          tensor("odd", "U8", [1], Uint8Array.of(7)),
          tensor("w", "F32", [3], new Uint8Array(values.buffer)),
        ]),
      ),
    );
    const shifted = {
      ...file,
      bytes: async (name: string) => Uint8Array.of(0, ...(await file.bytes(name))).subarray(1),
    };
    expect(await readF32(shifted, "w")).toEqual(values);
  });
});

test("the published huge model is opened by its header and read tensor by tensor", async () => {
  const params = goldenParams(readGolden("dense/huge-224x224-b1"));
  const written = params.map(({ name, shape }) => tensor(name, "F32", shape, new Uint8Array()));
  const { value: header } = await writeSafetensors(written).next();
  const size = header.length + 4 * params.reduce((sum, { shape }) => sum + elements(shape), 0);
  const reads: number[] = [];
  const source: ByteSource = {
    name: "huge.safetensors",
    size,
    read: async (offset, length) => {
      reads.push(length);
      return offset < header.length ? header.subarray(offset, offset + length) : new Uint8Array(length);
    },
  };
  const file = await readSafetensors(source);
  if (!file.ok) throw new Error(JSON.stringify(file.diagnostics));
  const bound = await bindWeights(file.value, params);
  if (!bound.ok) throw new Error(JSON.stringify(bound.diagnostics));
  expect(reads).toEqual([64, header.length - 8]);
  expect((await bound.value.f32("stages.3.2.pwconv1.weight")).length).toBe(11264 * 2816);
  expect(reads.at(-1)).toBe(4 * 11264 * 2816);
  expect(size).toBeGreaterThan(2 ** 31);
});

describe("16-bit floats", () => {
  const words = Uint16Array.from({ length: 65536 }, (_, i) => i);
  const bytes = new Uint8Array(words.buffer);

  /** IEEE 754 section 3.4, read off the definition: sign, 2^(e - 15) and the fraction. */
  const half = (word: number): number => {
    const sign = word & 0x8000 ? -1 : 1;
    const exponent = (word >> 10) & 31;
    const fraction = (word & 0x3ff) / 1024;
    if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
    return exponent === 0 ? sign * 2 ** -14 * fraction : sign * 2 ** (exponent - 15) * (1 + fraction);
  };

  test("every F16 word", () => {
    const values = toF32.F16(bytes);
    for (let i = 0; i < 65536; i++) if (!Object.is(values[i], half(i))) throw new Error(`${i}: ${values[i]}`);
  });

  test("every BF16 word is the upper half of its float32", () => {
    const bits = new Uint32Array(toF32.BF16(bytes).buffer);
    for (let i = 0; i < 65536; i++) if (bits[i] !== i * 65536) throw new Error(`${i}: ${bits[i]}`);
  });
});

test("a tensor comes in pieces that are its bytes, and a range of it is a part of them", async () => {
  const bytes = Uint8Array.from({ length: pieceBytes + 12 }, (_, i) => (i * 7) & 255);
  const pair = [tensor("before", "U8", [3], Uint8Array.of(1, 2, 3)), tensor("large", "U8", [bytes.length], bytes)];
  const file = await open(await collect(writeSafetensors(pair)));
  const sizes = [];
  for await (const piece of file.parts?.("large") ?? []) sizes.push(piece.length);
  expect(sizes).toEqual([pieceBytes, 12]);
  expect(Buffer.compare(await collect(file.parts?.("large") ?? (async function* () {})()), bytes)).toBe(0);
  expect(await file.range?.("large", pieceBytes, 5)).toEqual(bytes.slice(pieceBytes, pieceBytes + 5));
});
