import type { Result } from "../../diagnostics/diagnostic.ts";
import { catchingFailures } from "../../diagnostics/failure.ts";
import { readTensorFile } from "../../weights/formats/tensor-file.ts";
import { withoutPrefix } from "../../weights/names/prefix.ts";
import type { TensorFile } from "../../weights/tensor.ts";
import { openWeightsFile, type WeightsFile } from "./weights-file.ts";

/** Work on a file whose header has been read; the file is closed afterwards. */
export async function withTensors<T>(
  file: string,
  prefix: string | null,
  work: (tensors: TensorFile, file: WeightsFile) => Promise<Result<T>>,
): Promise<Result<T>> {
  return catchingFailures(async () => {
    const source = await openWeightsFile(file);
    if (!source.ok) return source;
    try {
      const tensors = await readTensorFile(source.value);
      if (!tensors.ok) return tensors;
      const done = await work(prefix === null ? tensors.value : withoutPrefix(tensors.value, prefix), source.value);
      return { ...done, diagnostics: [...tensors.diagnostics, ...done.diagnostics] };
    } finally {
      await source.value.close();
    }
  });
}
