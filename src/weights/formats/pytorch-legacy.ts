import { ok, type Result } from "../../diagnostics/diagnostic.ts";
import { Failure } from "../../diagnostics/failure.ts";
import { invariant } from "../../diagnostics/invariant.ts";
import { error } from "../../diagnostics/messages.ts";
import { dtypeBytes } from "../dtype.ts";
import type { TensorFile } from "../tensor.ts";
import { readRanges, u64 } from "./bytes.ts";
import { maxTensors } from "./header.ts";
import { type Unpickled, unpickle } from "./pickle.ts";
import { isType, type Value } from "./pickle-values.ts";
import { maxPickle } from "./pytorch.ts";
import type { ByteSource } from "./source.ts";
import { findStateDict } from "./state-dict.ts";
import { viewOf } from "./tensor-view.ts";
import { type Block, viewFile } from "./views.ts";

/** A pickle of protocol 2 that holds the integer 0x1950a86a20f9469cfc6c, which every such file begins with. */
const magic = [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e];
const protocolVersion = 1001;
/** Bytes that are read for the pickles at first; more where they do not end in them. */
const firstWindow = 1 << 20;

export const isLegacyTorch = (start: Uint8Array): boolean => magic.every((byte, k) => start[k] === byte);

/**
 * What torch.save wrote before version 1.6, and writes on request: five pickles in a row (magic number, protocol,
 * machine, what was saved, keys of the storages), then for each key its number of elements in 64 bits, and they;
 * after torch/serialization.py, _legacy_save. Throws a `Failure`.
 */
export async function readLegacyTorch(source: ByteSource, key: string | null): Promise<Result<TensorFile>> {
  const [, protocol, machine, saved, keys] = await readPickles(source);
  const file = source.name;
  const wrong = (what: string) => new Failure(error("pickle-legacy", { file, offset: null }, what));
  if (protocol?.value !== protocolVersion) throw wrong(`it states another protocol than ${protocolVersion}`);
  if (!isLittleEndian(machine?.value)) throw wrong("it does not state to be little-endian");
  if (saved === undefined || keys === undefined || !isType(keys.value, "list")) throw wrong("its keys are no list");
  const { tensors, diagnostics } = findStateDict(file, saved, key);
  const blocks = await readBlocks(source, saved, keys.value.items, keys.end, wrong);
  const views = tensors.map(named => {
    const { key } = named.tensor.storage;
    const block = blocks.get(key);
    invariant(block !== undefined, `storage '${key}' has no block`);
    return viewOf(named, block);
  });
  return ok(viewFile(source, views), diagnostics);
}

const isLittleEndian = (value: Value | undefined): boolean =>
  isType(value, "dict") && value.entries.some(entry => entry.key === "little_endian" && entry.value === true);

/** The five pickles, in a window that grows until they fit in it. */
async function readPickles(source: ByteSource): Promise<readonly Unpickled[]> {
  const most = Math.min(source.size, maxPickle);
  for (let window = Math.min(firstWindow, most); ; window = Math.min(2 * window, most)) {
    const bytes = await source.read(0, window);
    try {
      const found: Unpickled[] = [];
      for (let k = 0; k < 5; k++) found.push(unpickle(source.name, bytes, found.at(-1)?.end ?? 0, 0));
      return found;
    } catch (cause) {
      if (!(cause instanceof Failure) || cause.diagnostic.code !== "pickle-end" || window === source.size) throw cause;
      if (window === maxPickle)
        throw new Failure(error("pickle-limit", { file: source.name, offset: 0 }, maxPickle, "bytes"));
    }
  }
}

/** Where the storages lie, and that they fill the rest of the file. */
async function readBlocks(
  source: ByteSource,
  { storages }: Unpickled,
  keys: readonly Value[],
  start: number,
  wrong: (what: string) => Failure,
): Promise<ReadonlyMap<string, Block>> {
  if (keys.length > maxTensors)
    throw new Failure(error("weights-limit-tensors", { file: source.name, offset: start }, maxTensors));
  const blocks = new Map<string, Block>();
  let at = start;
  for (const key of keys) {
    const storage = typeof key === "string" ? storages.get(key) : undefined;
    if (storage === undefined || blocks.has(storage.key)) throw wrong("its keys are not those of its storages");
    const size = storage.length * (storage.dtype === null ? 1 : dtypeBytes[storage.dtype]);
    blocks.set(storage.key, { name: storage.key, at: at + 8, size, crc: null });
    at += 8 + size;
  }
  if (blocks.size !== storages.size) throw wrong("its keys are not those of its storages");
  const end = { file: source.name, offset: Math.min(at, source.size - 1) };
  if (at > source.size) throw new Failure(error("weights-truncated", end, at, source.size));
  if (at < source.size) throw new Failure(error("weights-trailing", end, source.size - at));
  const lengths = await readRanges(
    source,
    [...blocks.values()].map(block => ({ at: block.at - 8, length: 8 })),
  );
  for (const [k, { name, at, size }] of [...blocks.values()].entries()) {
    const found = u64(lengths[k] as Uint8Array, 0);
    const place = { file: source.name, offset: at - 8 };
    if (found !== storages.get(name)?.length) throw new Failure(error("storage-size", place, name, size, found));
  }
  return blocks;
}
