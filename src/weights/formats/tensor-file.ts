import { fail, type Result } from "../../diagnostics/diagnostic.ts";
import { catchingFailures, Failure } from "../../diagnostics/failure.ts";
import { error, withNote } from "../../diagnostics/messages.ts";
import type { TensorFile } from "../tensor.ts";
import { isNpz, readNpz } from "./npz.ts";
import { isTorchArchive, programIn, readTorchArchive } from "./pytorch.ts";
import { isLegacyTorch, readLegacyTorch } from "./pytorch-legacy.ts";
import { readSafetensors } from "./safetensors.ts";
import { readShards } from "./shards.ts";
import { isJson, isTar, isZip, maxSniffed } from "./sniff.ts";
import type { ByteSource } from "./source.ts";
import { isZipEnd, readDirectory } from "./zip.ts";

/** The last bytes of a zip archive, its end record. */
const endSize = 22;

export interface ReadOptions {
  /** Under which the tensors lie in what torch.save saved; null for the dictionary with most names that are known. */
  readonly key?: string | null;
}

/**
 * Opens a file of weights as safetensors, torch.save or numpy.savez write it, or the index of several. Its bytes say
 * which it is, never its name. Reads tables of contents and no data. Rejects only where a source does.
 */
export async function readTensorFile(
  source: ByteSource,
  { key = null }: ReadOptions = {},
): Promise<Result<TensorFile>> {
  const start = await source.read(0, Math.min(source.size, maxSniffed));
  return isJson(start) ? readShards(source, shard => readOne(shard, key)) : readOne(source, key);
}

/** One file that holds its tensors itself. */
async function readOne(source: ByteSource, key: string | null): Promise<Result<TensorFile>> {
  const start = await source.read(0, Math.min(source.size, maxSniffed));
  if (isZip(start)) return catchingFailures(() => readArchive(source, key));
  if (isLegacyTorch(start)) return catchingFailures(() => readLegacyTorch(source, key));
  if (isTar(start)) {
    const problem = error("weights-not-read", { file: source.name, offset: 0 }, "a tar archive");
    return fail(
      withNote(problem, "if torch.save of a version below 0.2 wrote it, load it there and convert to safetensors"),
    );
  }
  const file = await readSafetensors(source);
  if (file.ok) return withoutKeys(file, key);
  if (!isFormat(file)) return file;
  // A zip archive may begin with anything, such as a program; readers that start at its end would see two files.
  const tail = source.size < endSize ? new Uint8Array() : await source.read(source.size - endSize, endSize);
  return isZipEnd(tail) ? catchingFailures(() => readArchive(source, key)) : file;
}

/** A file whose tensors lie side by side, where no key may be asked for. */
function withoutKeys(file: Extract<Result<TensorFile>, { ok: true }>, key: string | null): Result<TensorFile> {
  if (key === null) return file;
  const problem = error("state-no-key", { file: file.value.name, offset: null }, key, null);
  return fail(withNote(problem, "the file has no dictionaries: leave --key out, or say --strip-prefix"));
}

/** Whether the beginning is not that of a safetensors file at all. */
const isFormat = ({ diagnostics }: Result<TensorFile>): boolean =>
  diagnostics.some(({ code }) => code === "weights-format" || code === "weights-unknown-format");

async function readArchive(source: ByteSource, key: string | null): Promise<Result<TensorFile>> {
  const directory = await readDirectory(source);
  const place = { file: source.name, offset: 0 };
  const program = programIn(directory);
  if (program !== null) {
    const hint = "load it in PyTorch and save the weights alone: torch.save(model.state_dict(), …)";
    throw new Failure(withNote(error("weights-not-read", place, program), hint));
  }
  if (isTorchArchive(directory)) return readTorchArchive(source, directory, key);
  if (isNpz(directory)) {
    const arrays = await readNpz(source, directory);
    return arrays.ok ? withoutKeys(arrays, key) : arrays;
  }
  throw new Failure(error("zip-no-data", place));
}
