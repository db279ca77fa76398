import { ok, type Result } from "../../diagnostics/diagnostic.ts";
import { Failure } from "../../diagnostics/failure.ts";
import { error } from "../../diagnostics/messages.ts";
import { dtypeBytes } from "../dtype.ts";
import type { TensorFile } from "../tensor.ts";
import { readRanges } from "./bytes.ts";
import { maxNpyHeader, readNpyHeader } from "./npy.ts";
import type { ByteSource } from "./source.ts";
import { type Block, columnMajor, rowMajor, type View, viewFile } from "./views.ts";
import { type Directory, readEntries } from "./zip.ts";

const ending = ".npy";
/** Read of each array at first: a header as numpy writes it. */
const usualHeader = 256;

/** Whether numpy.savez wrote an archive, from the names of its entries. */
export const isNpz = ({ entries }: Directory): boolean =>
  entries.length > 0 && entries.every(({ name }) => name.endsWith(ending));

/** What numpy.savez writes: a zip archive of arrays, each under its name and `.npy`. Throws a `Failure`. */
export async function readNpz(source: ByteSource, directory: Directory): Promise<Result<TensorFile>> {
  const remedy = "numpy.savez_compressed deflates them: numpy.savez does not";
  const entries = [...(await readEntries(source, directory, remedy)).values()];
  const starts = await readRanges(
    source,
    entries.map(({ at, size }) => ({ at, length: Math.min(size, usualHeader) })),
  );
  const views: View[] = [];
  for (const [k, entry] of entries.entries()) views.push(await viewOf(source, entry, starts[k] as Uint8Array));
  return ok(viewFile(source, views));
}

/** One array as numpy.save writes it, under a name that the file does not have. Throws a `Failure`. */
export async function readNpy(source: ByteSource, name: string): Promise<TensorFile> {
  const block = { name: name + ending, at: 0, size: source.size, crc: null };
  const start = await source.read(0, Math.min(source.size, usualHeader));
  return viewFile(source, [await viewOf(source, block, start)]);
}

async function viewOf(source: ByteSource, block: Block, start: Uint8Array): Promise<View> {
  const name = block.name.slice(0, -ending.length);
  const place = { file: source.name, offset: Math.min(block.at, source.size - 1) };
  const length = Math.min(block.size, 12 + maxNpyHeader);
  const isShort = start.length === usualHeader && (start[8] ?? 0) + 256 * (start[9] ?? 0) + 10 > usualHeader;
  const bytes = isShort ? await source.read(block.at, length) : start;
  const { dtype, shape, isFortran, size: offset } = readNpyHeader(name, bytes, place);
  const needed = shape.reduce((product, size) => product * BigInt(size), BigInt(dtypeBytes[dtype]));
  if (needed !== BigInt(block.size - offset))
    throw new Failure(error("npy-size", place, name, shape, needed, block.size - offset));
  return { name, dtype, shape, strides: (isFortran ? columnMajor : rowMajor)(shape), block, offset, place };
}
