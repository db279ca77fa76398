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

/**
 * Opens a file of weights as safetensors, torch.save or numpy.savez write it, or the index of several. Its bytes say
 * which it is, never its name. Reads tables of contents and no data. Rejects only where a source does.
 */
export async function readTensorFile(source: ByteSource): Promise<Result<TensorFile>> {
  const start = await source.read(0, Math.min(source.size, maxSniffed));
  return isJson(start) ? readShards(source, readOne) : readOne(source);
}

/** One file that holds its tensors itself. */
async function readOne(source: ByteSource): Promise<Result<TensorFile>> {
  const start = await source.read(0, Math.min(source.size, maxSniffed));
  if (isZip(start)) return catchingFailures(() => readArchive(source));
  if (isLegacyTorch(start)) return catchingFailures(() => readLegacyTorch(source));
  if (isTar(start)) {
    const problem = error("weights-not-read", { file: source.name, offset: 0 }, "a tar archive");
    return fail(
      withNote(problem, "if torch.save of a version below 0.2 wrote it, load it there and convert to safetensors"),
    );
  }
  const file = await readSafetensors(source);
  if (file.ok || !isFormat(file)) return file;
  // A zip archive may begin with anything, such as a program; readers that start at its end would see two files.
  const tail = source.size < endSize ? new Uint8Array() : await source.read(source.size - endSize, endSize);
  return isZipEnd(tail) ? catchingFailures(() => readArchive(source)) : file;
}

/** Whether the beginning is not that of a safetensors file at all. */
const isFormat = ({ diagnostics }: Result<TensorFile>): boolean =>
  diagnostics.some(({ code }) => code === "weights-format" || code === "weights-unknown-format");

async function readArchive(source: ByteSource): Promise<Result<TensorFile>> {
  const directory = await readDirectory(source);
  const place = { file: source.name, offset: 0 };
  const program = programIn(directory);
  if (program !== null) {
    const hint = "load it in PyTorch and save the weights alone: torch.save(model.state_dict(), …)";
    throw new Failure(withNote(error("weights-not-read", place, program), hint));
  }
  if (isTorchArchive(directory)) return readTorchArchive(source, directory);
  if (isNpz(directory)) return readNpz(source, directory);
  throw new Failure(error("zip-no-data", place));
}
