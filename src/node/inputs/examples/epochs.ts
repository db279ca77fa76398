import { type Diagnostic, fail, ok, type Result } from "../../../diagnostics/diagnostic.ts";
import { uniformStream } from "../../../weights/made/streams.ts";
import type { DataRequest, TrainingData } from "../batches.ts";
import { learningInputs, type ShownExample } from "./inputs.ts";

/** An example, and the number over the whole run of the image that it becomes, by which all is drawn. */
export interface Wanted {
  readonly example: number;
  readonly image: number;
}

/** What can be shown, image by image. */
export interface Examples {
  readonly count: number;
  /** Of all that decides what is shown. */
  readonly sha256: string;
  show(wanted: readonly Wanted[]): Promise<Result<readonly ShownExample[]>>;
  /** What was odd about what was shown so far. */
  odd(): readonly Diagnostic[];
  close(): Promise<void>;
}

/**
 * Examples as what a model is trained on. All that is drawn is a function of the recipe's seed and of the number of the
 * image over the whole run, however a step is cut into micro-batches; what does not fill a step at the end of an epoch is
 * left for another.
 */
export function inEpochs(examples: Examples, stepsPerEpoch: number, request: DataRequest): TrainingData {
  const { batch, accumulate, length, seed } = request.recipe;
  const stepsPerUnit = length.unit === "epochs" ? stepsPerEpoch : 1;
  const orderOf = orders(seed, examples.count);
  return {
    steps: length.count * stepsPerUnit,
    stepsPerUnit,
    sha256: examples.sha256,
    async read(step, micro) {
      const order = orderOf(Math.floor(step / stepsPerEpoch));
      const first = ((step % stepsPerEpoch) * accumulate + micro) * batch;
      const image = (step * accumulate + micro) * batch;
      const wanted = Array.from({ length: batch }, (_, i) => ({ example: order[first + i] ?? 0, image: image + i }));
      const shown = await examples.show(wanted);
      return shown.ok ? ok(learningInputs(shown.value, image, request)) : fail(...shown.diagnostics);
    },
    odd: examples.odd,
    close: examples.close,
  };
}

/** The order of the examples in an epoch, which is worked out once: Fisher and Yates's. */
function orders(seed: number, count: number): (epoch: number) => Uint32Array {
  let [known, order] = [-1, new Uint32Array(count)];
  return epoch => {
    if (epoch === known) return order;
    const next = uniformStream(`${seed}:order:${epoch}`);
    order = order.map((_, i) => i);
    for (let i = count - 1; i > 0; i--) {
      const other = Math.floor(((next() + 1) / 2) * (i + 1));
      [order[i], order[other]] = [order[other] as number, order[i] as number];
    }
    known = epoch;
    return order;
  };
}
