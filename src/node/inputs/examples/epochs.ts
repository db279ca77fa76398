import { type Diagnostic, type FilePlace, fail, ok, type Result } from "../../../diagnostics/diagnostic.ts";
import { error, warning, withNote } from "../../../diagnostics/messages.ts";
import { uniformStream } from "../../../weights/made/streams.ts";
import type { DataRequest, TrainingData } from "../batches.ts";
import { learningInputs, type ShownExample } from "./inputs.ts";
import { readAhead } from "./read-ahead.ts";

/** An example, and the number over the whole run of the image that it becomes, by which all is drawn. */
export interface Wanted {
  readonly example: number;
  readonly image: number;
}

/** Examples as a run shows them, and by its file what was passed over for the next; fewer than wanted where that is too much. */
export interface Shown {
  readonly examples: readonly ShownExample[];
  readonly passedOver: ReadonlyMap<string, Diagnostic>;
}

/** What can be shown, image by image. */
export interface Examples {
  readonly place: FilePlace;
  readonly count: number;
  /** Of all that decides what is shown. */
  readonly sha256: string;
  /** How many may be passed over. */
  readonly mostPassedOver: number;
  show(wanted: readonly Wanted[]): Promise<Result<Shown>>;
  close(): Promise<void>;
}

/**
 * Examples as what a model is trained on, at least as many as a step takes. All that is drawn is a function of the recipe's
 * seed and of the number of the image over the whole run, however a step is cut into micro-batches; what does not fill a
 * step at the end of an epoch is left for another. The next micro-batches are read while one is computed.
 */
export function inEpochs(examples: Examples, request: DataRequest): TrainingData {
  const { batch, accumulate, length, seed } = request.recipe;
  const stepsPerEpoch = Math.floor(examples.count / (batch * accumulate));
  const stepsPerUnit = length.unit === "epochs" ? stepsPerEpoch : 1;
  const steps = length.count * stepsPerUnit;
  const orderOf = orders(seed, examples.count);
  const passedOver = passing(examples);
  const begin = readAhead(at => {
    const [step, micro] = [Math.floor(at / accumulate), at % accumulate];
    const order = orderOf(Math.floor(step / stepsPerEpoch));
    const first = ((step % stepsPerEpoch) * accumulate + micro) * batch;
    return examples.show(
      Array.from({ length: batch }, (_, i) => ({ example: order[first + i] ?? 0, image: at * batch + i })),
    );
  }, steps * accumulate);
  return {
    steps,
    stepsPerUnit,
    sha256: async () => examples.sha256,
    async read(step, micro) {
      const at = step * accumulate + micro;
      const shown = await begin(at);
      if (!shown.ok) return shown;
      const many = passedOver.tooMany(shown.value);
      return many === null ? ok(learningInputs(shown.value.examples, at * batch, request)) : fail(many);
    },
    odd: passedOver.odd,
    close: examples.close,
  };
}

/** Counts what is passed over, in the order in which it is asked for and not in that in which it was read. */
function passing({ place, count, mostPassedOver }: Examples) {
  const known = new Map<string, Diagnostic>();
  return {
    tooMany({ passedOver }: Shown): Diagnostic | null {
      for (const [file, problem] of passedOver) {
        known.set(file, problem);
        if (known.size <= mostPassedOver) continue;
        return withNote(error("pictures-broken", place, known.size, count, false), problem.message, problem.place);
      }
      return null;
    },
    odd(): readonly Diagnostic[] {
      const [first] = known;
      if (first === undefined) return [];
      const [file, { message }] = first;
      return [withNote(warning("pictures-passed-over", { file, offset: null }, known.size), message)];
    },
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
