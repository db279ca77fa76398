import type { Result } from "../../diagnostics/diagnostic.ts";
import { catchingFailures } from "../../diagnostics/failure.ts";
import { readTensorFile } from "../../weights/formats/tensor-file.ts";
import { changeNames, type NameChanges } from "../../weights/names/changes.ts";
import type { TensorFile } from "../../weights/tensor.ts";
import { openWeightsFile, type WeightsFile } from "./weights-file.ts";

/** Where in a file its weights are, and what they are called there. */
export interface FileChoice extends NameChanges {
  /** The key of a dictionary that torch.save saved; null for the one with most names that are known. */
  readonly key: string | null;
}

/** As the file itself says. */
export const asItIs: FileChoice = { key: null, stripPrefix: null, rename: [] };

/** The tensors that are chosen of a file whose header is read, under their names. */
export async function chosenTensors(file: WeightsFile, choice: FileChoice): Promise<Result<TensorFile>> {
  const read = await readTensorFile(file, { key: choice.key });
  if (!read.ok || (choice.stripPrefix === null && choice.rename.length === 0)) return read;
  const changed = changeNames(read.value, choice);
  return { ...changed, diagnostics: [...read.diagnostics, ...changed.diagnostics] };
}

/** Work on a file whose header has been read; the file is closed afterwards. */
export async function withTensors<T>(
  file: string,
  choice: FileChoice,
  work: (tensors: TensorFile, file: WeightsFile) => Promise<Result<T>>,
): Promise<Result<T>> {
  return catchingFailures(async () => {
    const source = await openWeightsFile(file);
    if (!source.ok) return source;
    try {
      const tensors = await chosenTensors(source.value, choice);
      if (!tensors.ok) return tensors;
      const done = await work(tensors.value, source.value);
      return { ...done, diagnostics: [...tensors.diagnostics, ...done.diagnostics] };
    } finally {
      await source.value.close();
    }
  });
}
