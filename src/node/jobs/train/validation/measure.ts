import type { Result } from "../../../../diagnostics/diagnostic.ts";
import { Failure } from "../../../../diagnostics/failure.ts";
import { invariant } from "../../../../diagnostics/invariant.ts";
import type { Model } from "../../../../model/model.ts";
import { toBatch } from "../../../../preprocess/picture.ts";
import type { Figures } from "../../../../training/validation/figures.ts";
import type { OpenInference } from "../../../executors/inference.ts";
import type { EvaluationPicture, EvaluationPictures } from "../../../inputs/evaluation-pictures.ts";
import type { RunTensor } from "../../../inputs/tensors.ts";
import { breathe } from "../../../output/fs.ts";

/** Values of a parameter in f32 and the official order. */
export type WeightsNow = (name: string) => Promise<Float32Array>;

/** Whoever waits for it. */
export interface Watch {
  readonly asked: () => boolean;
  readonly show: (line: string) => void;
}

/** One kind of figures; several of them make a validation. */
export interface Measure {
  take(weights: WeightsNow, watch: Watch): Promise<Partial<Figures>>;
  close(): Promise<void>;
}

export interface MeasureRequest {
  readonly model: Model;
  readonly pictures: EvaluationPictures;
  /** Pictures of a run. */
  readonly batch: number;
  readonly seed: number;
  readonly open: OpenInference;
}

export type OpenMeasure = (request: MeasureRequest) => Promise<Result<Measure>>;

/** Somebody has asked to stop. */
export class Stopped extends Error {}

/** All pictures, so many at a time. */
export async function* batchesOf(
  pictures: EvaluationPictures,
  batch: number,
  { asked, show }: Watch,
  what: string,
): AsyncGenerator<readonly EvaluationPicture[]> {
  for (let from = 0; from < pictures.count; from += batch) {
    await breathe();
    if (asked()) throw new Stopped();
    show(`${what}: ${from} of ${pictures.count} pictures`);
    const found = must(await pictures.read(from, batch));
    if (found.length > 0) yield found;
  }
}

/** `pixel_values` of pictures, as a model takes them. */
export function pixelsOf({ input, preprocess }: Model, pictures: readonly EvaluationPicture[]): RunTensor {
  const { channels, height, width } = input;
  const data = toBatch(
    pictures.map(({ picture }) => picture),
    preprocess,
  );
  return { shape: [pictures.length, channels, height, width], data };
}

export function must<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  const [problem] = result.diagnostics;
  invariant(problem !== undefined, "a failure says why");
  throw new Failure(problem);
}

/** An output that the model certainly has. */
export function outputOf(outputs: ReadonlyMap<string, RunTensor>, name: string): RunTensor {
  const found = outputs.get(name);
  invariant(found !== undefined, `the model gave no '${name}'`);
  return found;
}
