import { describe, expect, test } from "vitest";
import type { ByteSource } from "../../../src/weights/formats/source.ts";
import { memorySource } from "../../../src/weights/formats/source.ts";
import { readTensorFile } from "../../../src/weights/formats/tensor-file.ts";
import { readF32, type TensorFile } from "../../../src/weights/tensor.ts";
import { dict, legacyTorch, npy, npyHeader, pickle, tensor, torchZip } from "../../support/pickle-writer.ts";
import { zip } from "../../support/zip-writer.ts";

/** A file at an odd place of a larger memory, of which `read` gives Node's Buffers: views, whose `slice` copies nothing. */
function bufferSource(file: Uint8Array, shift: number): ByteSource {
  const memory = Buffer.alloc(shift + file.length);
  memory.set(file, shift);
  return {
    name: "w",
    size: file.length,
    read: async (offset, length) => memory.subarray(shift + offset, shift + offset + length),
  };
}

const widths = { f2: 2, f4: 4, f8: 8 } as const;
type Width = keyof typeof widths;
const arrays = { f2: Uint16Array, f4: Float32Array, f8: Float64Array } as const;
const storages = { f2: "HalfStorage", f4: "FloatStorage", f8: "DoubleStorage" } as const;
const names = { f2: "F16", f4: "F32", f8: "F64" } as const;
const bytes = (width: Width): Uint8Array => new Uint8Array(arrays[width].from([1, 2, 3, 4, 5, 6]).buffer);

/** A tensor of [2, 3] in each width, and one that lies turned where a format can say so. */
const files: Readonly<Record<string, (width: Width, padding: number) => Uint8Array>> = {
  safetensors: (width, padding) => {
    const entry = { dtype: names[width], shape: [2, 3], data_offsets: [0, 6 * widths[width]] };
    const header = JSON.stringify({ __metadata__: { x: "y".repeat(padding) }, plain: entry });
    const start = Buffer.alloc(8);
    start.writeBigUInt64LE(BigInt(header.length));
    return new Uint8Array(Buffer.concat([start, Buffer.from(header), bytes(width)]));
  },
  "a zip of torch.save": (width, padding) => {
    const of = { key: "0", shape: [2, 3], storage: storages[width] };
    const saved = dict(["plain", tensor(of)], ["turned", tensor({ ...of, strides: [1, 2] })]);
    return torchZip(pickle(saved), { ["1".repeat(padding + 1)]: new Uint8Array(), 0: bytes(width) });
  },
  "torch.save before zip": (width, padding) => {
    const of = { key: "0", shape: [2, 3], storage: storages[width], legacy: true };
    const turned = tensor({ ...of, strides: [1, 2] });
    const saved = dict(["plain", tensor(of)], ["turned", turned], ["x".repeat(padding + 1), dict()]);
    return legacyTorch(saved, [["0", 6, bytes(width)]]);
  },
  "numpy.savez": (width, padding) => {
    const array = (fortran: boolean) => npy(npyHeader(`<${width}`, [2, 3], fortran), bytes(width));
    const empty = { name: `${"x".repeat(padding + 1)}.npy`, data: npy(npyHeader("<f4", [0]), new Uint8Array()) };
    return zip([empty, { name: "plain.npy", data: array(false) }, { name: "turned.npy", data: array(true) }]);
  },
};

async function opened(source: ByteSource): Promise<TensorFile> {
  const file = await readTensorFile(source);
  if (!file.ok) throw new Error(file.diagnostics[0]?.message);
  return file.value;
}

const asWritten = { plain: [1, 2, 3, 4, 5, 6], turned: [1, 3, 5, 2, 4, 6] } as const;

describe.each(Object.keys(files))("%s from a source of Buffers", format => {
  const make = files[format] as (typeof files)[string];
  test.each(["f2", "f4", "f8"] as const)("gives %s as it does from other memory, wherever it lies", async width => {
    for (let at = 0; at < 64; at++) {
      const [shift, padding] = [at % 8, Math.floor(at / 8)];
      const file = make(width, padding);
      const [found, plain] = [await opened(bufferSource(file, shift)), await opened(memorySource("w", file))];
      expect([...found.tensors.keys()]).toEqual([...plain.tensors.keys()]);
      for (const name of ["plain", "turned"] as const) {
        if (!found.tensors.has(name)) continue;
        const got = await found.bytes(name);
        expect(new Uint8Array(got)).toEqual(new Uint8Array(await plain.bytes(name)));
        const values = new arrays[width](Uint8Array.from(got).buffer);
        expect([...values]).toEqual(asWritten[name]);
        if (width !== "f8") expect(await readF32(found, name)).toEqual(await readF32(plain, name));
      }
    }
  });
});
