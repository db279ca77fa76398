import { invariant } from "../../diagnostics/invariant.ts";
import { dtypeBytes, type FileDType } from "../dtype.ts";
import { joined } from "../pieces.ts";
import { elements, type TensorData } from "../tensor.ts";
import { crc32 } from "./crc32.ts";
import { npyTypes } from "./npy.ts";
import { utf8 } from "./utf8.ts";

/** Bytes that the archive can have: its offsets are 32 bits wide, and 2^32 - 1 means another place. */
export const maxNpz = 0xfffffffe;

/** numpy's own headers are a multiple of so many bytes. */
const alignment = 64;

/** What numpy calls an element type; null for what it has no name for. */
const descrOf = (dtype: FileDType): string | null =>
  Object.entries(npyTypes).find(([, named]) => named === dtype)?.[0] ?? null;

/** The header of an array as numpy.save writes it, version 1.0 (numpy/lib/format.py). */
function npyHeader({ dtype, shape }: TensorData): Uint8Array {
  const descr = descrOf(dtype);
  invariant(descr !== null, `numpy has no ${dtype}`);
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const start = 10;
  const size = Math.ceil((start + text.length + 1) / alignment) * alignment;
  const bytes = new Uint8Array(size).fill(0x20);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]);
  new DataView(bytes.buffer).setUint16(8, size - start, true);
  bytes.set(utf8(text), start);
  bytes[size - 1] = 0x0a;
  return bytes;
}

type Field = readonly [value: number, bytes: 2 | 4];

function fields(list: readonly Field[]): Uint8Array {
  const bytes = new Uint8Array(list.reduce((sum, [, size]) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [value, size] of list) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += size;
  }
  return bytes;
}

/** The first of January 1980, with which zip begins to count: the bytes depend on the tensors alone. */
const date: readonly Field[] = [
  [0, 2],
  [0x21, 2],
];
/** Names are UTF-8. */
const flags: Field = [1 << 11, 2];
const version: Field = [20, 2];
const stored: Field = [0, 2];

/**
 * What numpy.load reads: a zip archive of stored arrays, each under its name and `.npy` (PKWARE's APPNOTE 6.3.10). One
 * tensor is in memory at a time. The whole must have fewer bytes than `maxNpz`, see `npzBytes`.
 */
export async function* writeNpz(tensors: Iterable<TensorData>): AsyncGenerator<Uint8Array> {
  const rows: Uint8Array[] = [];
  let at = 0;
  for (const tensor of tensors) {
    const head = npyHeader(tensor);
    const data = await joined(await tensor.bytes(), dataBytes(tensor));
    invariant(data.length === dataBytes(tensor), `tensor '${tensor.name}' has ${data.length} bytes`);
    const name = utf8(`${tensor.name}.npy`);
    const size = head.length + data.length;
    const shared: readonly Field[] = [
      ...[version, flags, stored, ...date],
      [crc32(data, crc32(head)), 4],
      [size, 4],
      [size, 4],
      [name.length, 2],
      [0, 2],
    ];
    const local = fields([[0x04034b50, 4], ...shared]);
    rows.push(fields([[0x02014b50, 4], version, ...shared, [0, 2], [0, 2], [0, 2], [0, 4], [at, 4]]), name);
    yield* [local, name, head, data];
    at += local.length + name.length + size;
  }
  yield* rows;
  const [count, size] = [rows.length / 2, rows.reduce((sum, row) => sum + row.length, 0)];
  invariant(count < 0xffff && at + size <= maxNpz, "the archive is too large for its own offsets");
  yield fields([
    [0x06054b50, 4],
    [0, 2],
    [0, 2],
    [count, 2],
    [count, 2],
    [size, 4],
    [at, 4],
    [0, 2],
  ]);
}

const dataBytes = ({ dtype, shape }: TensorData): number => elements(shape) * dtypeBytes[dtype];

/** At most so many bytes have such tensors as an archive. */
export const npzBytes = (tensors: readonly TensorData[]): number =>
  tensors.reduce((sum, tensor) => sum + dataBytes(tensor) + 8 * tensor.name.length + 512, 22);
