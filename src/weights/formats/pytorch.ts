import { ok, type Result } from "../../diagnostics/diagnostic.ts";
import { Failure } from "../../diagnostics/failure.ts";
import { error, withNote } from "../../diagnostics/messages.ts";
import type { TensorFile } from "../tensor.ts";
import { crc32 } from "./crc32.ts";
import { unpickle } from "./pickle.ts";
import type { ByteSource } from "./source.ts";
import { findStateDict } from "./state-dict.ts";
import { viewOf } from "./tensor-view.ts";
import { viewFile, wrongChecksum } from "./views.ts";
import { type Directory, readEntries } from "./zip.ts";

/** Bytes of pickle that are read; checkpoints of the largest model with all of its optimizer have 1 MB. */
export const maxPickle = 64 << 20;

const dataFile = /^(.*\/)data\.pkl$/;

/** Archives that PyTorch makes and that are programs, or hold one. */
const programs: readonly { readonly what: string; readonly has: RegExp }[] = [
  { what: "TorchScript", has: /^[^/]+\/(code\/|constants\.pkl$)/ },
  { what: "a TorchServe archive", has: /^MAR-INF\// },
  { what: "an exported program of torch.export", has: /(^|\/)(archive_format|serialized_exported_program\.json)$/ },
];

/** What an archive is from the names of its entries: the program that it holds, if it is one. */
export const programIn = ({ entries }: Directory): string | null =>
  programs.find(({ has }) => entries.some(({ name }) => has.test(name)))?.what ?? null;

/** Whether torch.save wrote an archive, from the names of its entries. */
export const isTorchArchive = ({ entries }: Directory): boolean => entries.some(({ name }) => dataFile.test(name));

/**
 * What torch.save writes since version 1.6: a zip archive of one folder, `data.pkl` in it, and a record
 * `data/KEY` for every storage that the pickle names; after torch/serialization.py. Throws a `Failure`.
 */
export async function readTorchArchive(
  source: ByteSource,
  directory: Directory,
  key: string | null,
): Promise<Result<TensorFile>> {
  const entries = await readEntries(source, directory, "torch.save stores them: load the file and save it again");
  const pickles = directory.entries.filter(({ name }) => dataFile.test(name));
  const root = dataFile.exec(pickles[0]?.name ?? "")?.[1] ?? "";
  const stray = directory.entries.find(({ name }) => !name.startsWith(root)) ?? pickles[1];
  const pickle = entries.get(`${root}data.pkl`);
  if (pickle === undefined || stray !== undefined) {
    const place = { file: source.name, offset: stray?.row ?? null };
    throw new Failure(error("zip-roots", place, `${root}data.pkl`, stray?.name ?? ""));
  }
  const place = { file: source.name, offset: pickle.at };
  if (pickle.size > maxPickle) throw new Failure(error("pickle-limit", place, maxPickle, "bytes"));
  await checkOrder(source, entries.get(`${root}byteorder`));
  const bytes = await source.read(pickle.at, pickle.size);
  if (crc32(bytes) !== pickle.crc) throw wrongChecksum(source.name, pickle);
  const saved = unpickle(source.name, bytes, 0, pickle.at);
  if (saved.end !== bytes.length) {
    const after = { file: source.name, offset: pickle.at + saved.end };
    throw new Failure(error("pickle-after", after, bytes.length - saved.end));
  }
  const { tensors, diagnostics } = findStateDict(source.name, saved, key);
  const views = tensors.map(named => {
    const { key } = named.tensor.storage;
    const block = entries.get(`${root}data/${key}`);
    if (block === undefined) throw new Failure(error("zip-no-record", named.place, named.name, key));
    return viewOf(named, block);
  });
  return ok(viewFile(source, views), diagnostics);
}

/** torch.save says `little` or `big` since version 2.1. */
async function checkOrder(source: ByteSource, entry: { readonly at: number; readonly size: number } | undefined) {
  if (entry === undefined) return;
  const text = String.fromCharCode(...(await source.read(entry.at, Math.min(entry.size, 16))));
  if (text === "little") return;
  const place = { file: source.name, offset: entry.at };
  const problem = error("weights-not-read", place, "of another byte order than little-endian");
  throw new Failure(withNote(problem, "load it in PyTorch and save it again on an ordinary machine"));
}
