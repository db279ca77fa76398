import { type Diagnostic, fail, ok, type Result } from "../../../diagnostics/diagnostic.ts";
import type { Model } from "../../../model/model.ts";
import type { Picture } from "../../../preprocess/picture.ts";
import { ofOnePicture, readFitted } from "../../inputs/pictures.ts";

export interface PictureBatch {
  readonly names: readonly string[];
  /** In the model's size. */
  readonly pictures: readonly Picture[];
}

/** Batches one after another, null after the last. */
export type NextBatch = () => Promise<Result<PictureBatch | null>>;

/**
 * Pictures of files, so many at a time: the next are read while a batch is in use, and nothing of one is kept after it. A
 * picture that cannot be read is reported and left out; what is wrong with all of them is an error.
 */
export function pictureBatches(
  files: readonly string[],
  model: Model,
  size: number,
  report: (diagnostic: Diagnostic) => void,
): NextBatch {
  let at = 0;
  const read: NextBatch = async () => {
    const [names, pictures]: [string[], Picture[]] = [[], []];
    while (pictures.length < size && at < files.length) {
      const name = files[at++] as string;
      const picture = await readFitted(name, model);
      const problem = picture.ok ? undefined : picture.diagnostics.find(({ code }) => !ofOnePicture.has(code));
      if (problem !== undefined) return fail(problem);
      for (const diagnostic of picture.diagnostics) report(diagnostic);
      if (!picture.ok) continue;
      names.push(name);
      pictures.push(picture.value);
    }
    return ok(pictures.length === 0 ? null : { names, pictures });
  };
  let ahead: ReturnType<NextBatch> | null = null;
  return async () => {
    const batch = await (ahead ?? read());
    ahead = read();
    ahead.catch(() => {}); // who asks for it is told
    return batch;
  };
}
