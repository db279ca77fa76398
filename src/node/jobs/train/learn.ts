import { type Diagnostic, fail, ok, type Result } from "../../../diagnostics/diagnostic.ts";
import { Failure } from "../../../diagnostics/failure.ts";
import { learningRate } from "../../../training/learning-rate.ts";
import type { TrainingData } from "../../inputs/batches.ts";
import { breathe } from "../../output/fs.ts";
import { type Signal, stoppable } from "../../process/interrupt.ts";
import { type LiveLine, liveLine } from "../../process/live-line.ts";
import { type CheckpointRequest, type Progress, pruneCheckpoints, writeCheckpoint } from "./checkpoints.ts";
import { logFile, type RunFolder, recipeFile } from "./run-folder.ts";
import { plainStepLine, stepLine } from "./step-line.ts";
import { validatedText } from "./validation/figures-text.ts";
import type { Validated, Validation } from "./validation/validation.ts";

export interface Session {
  readonly saveEvery: number;
  readonly run: RunFolder;
  readonly data: TrainingData;
  readonly checkpoint: Omit<CheckpointRequest, keyof Progress>;
  readonly validation: Validation;
}

export interface LearnReport extends Progress {
  readonly recipe: string;
  /** Steps that it went on after. */
  readonly from: number;
  readonly steps: number;
  readonly skipped: number;
  /** The mean over the micro-batches of the first and of the last step that was done; null where none was. */
  readonly losses: { readonly first: number; readonly last: number } | null;
  /** The last that was found; null where nothing was held out, or nothing evaluated. */
  readonly validated: Validated | null;
  /** Files that were written, below the folder of the run. */
  readonly written: readonly string[];
  readonly endedBy: Signal | null;
}

/** Step by step, with a line in the log for each; when it is asked to stop, it saves what it has. */
export const learn = (session: Session): Promise<Result<LearnReport>> =>
  stoppable(async asked => {
    const { saveEvery, run, data, checkpoint } = session;
    const unwritable = await run.begin();
    if (unwritable !== null) return fail(unwritable);
    const from = run.from?.step ?? 0;
    let [updates, saved] = [run.from?.updates ?? 0, from];
    let validated: Validated | null = null;
    const written: string[] = [recipeFile, logFile];
    const losses: number[] = [];
    const { recipe } = checkpoint;
    const { steps } = data;
    const line = liveLine(done => done % Math.ceil((steps - from) / 100) === 0);
    const look = async (step: number): Promise<readonly Diagnostic[]> => {
      const problems = await noting(async () => {
        const found = await validate(session, step, line, () => asked() !== null);
        validated = found ?? validated;
      });
      return problems;
    };
    const save = async (step: number): Promise<readonly Diagnostic[]> => {
      run.confirm();
      const published = await writeCheckpoint({ ...checkpoint, step, updates });
      if (published.ok) written.push(...published.value.written.map(file => `checkpoints/step-${step}/${file}`));
      saved = step;
      if (published.ok) pruneCheckpoints(checkpoint.run);
      return published.ok ? [] : published.diagnostics;
    };
    const begun = performance.now();
    let stepping = 0;
    try {
      for (let step = from; step < steps && asked() === null; step++) {
        const start = performance.now();
        const taken = await takeStep({ data, checkpoint, step, n: updates + 1 });
        if (!taken.ok) return fail(...(step > saved ? await save(step) : []), ...taken.diagnostics);
        const { lr, loss, gradNorm, skipped } = taken.value;
        if (!skipped) updates++;
        losses.push(loss);
        run.log({ step, lr, loss, grad_norm: gradNorm, ...(skipped ? { skipped } : {}) });
        const now = performance.now();
        stepping += (now - start) / 1000;
        const standing = {
          step: step + 1,
          steps,
          stepsPerEpoch: recipe.length.unit === "epochs" ? data.stepsPerUnit : null,
          lr,
          loss,
          gradNorm,
          imagesPerSecond: (recipe.batch * recipe.accumulate * losses.length) / stepping,
          secondsLeft: ((now - begun) / 1000 / losses.length) * (steps - step - 1),
        };
        line.show(stepLine(standing), plainStepLine(standing));
        await breathe(); // signals are heard between turns of the event loop
        if (step + 1 < steps && (step + 1) % saveEvery !== 0 && asked() === null) continue;
        // First, so that every checkpoint has its line in the log; what goes wrong with it costs no checkpoint.
        const problems = asked() === null ? await look(step + 1) : [];
        const unsaved = await save(step + 1);
        if (problems.length + unsaved.length > 0) return fail(...problems, ...unsaved);
      }
    } finally {
      line.end();
    }
    const [first, last] = [losses[0], losses.at(-1)];
    return ok({
      recipe: recipe.name,
      from,
      steps,
      step: from + losses.length,
      updates,
      skipped: losses.length - (updates - (run.from?.updates ?? 0)),
      losses: first === undefined || last === undefined ? null : { first, last },
      validated,
      written,
      endedBy: asked(),
    });
  });

/** Evaluates what was learned so far, for the log and for whoever watches; null where there is nothing to say. */
async function validate(
  { run, checkpoint, validation }: Session,
  step: number,
  line: LiveLine,
  asked: () => boolean,
): Promise<Validated | null> {
  const found = await validation.evaluate(checkpoint.trainer, { asked, show: text => line.show(text, null) });
  if (found === null) return null;
  run.confirm();
  run.log({ step, ...found });
  line.say(`step ${step}  validation: ${validatedText(found)}`);
  return found;
}

/** What went wrong with some work that others do not wait for. */
async function noting(work: () => Promise<void>): Promise<readonly Diagnostic[]> {
  try {
    await work();
    return [];
  } catch (cause) {
    if (cause instanceof Failure) return [cause.diagnostic];
    throw cause;
  }
}

interface Step {
  readonly data: TrainingData;
  readonly checkpoint: Pick<CheckpointRequest, "recipe" | "trainer">;
  readonly step: number;
  /** Which update it is, from 1. */
  readonly n: number;
}

async function takeStep({ data, checkpoint: { recipe, trainer }, step, n }: Step) {
  const { accumulate, optimizer, schedule } = recipe;
  const lr = learningRate(optimizer.lr, schedule, schedule.first + step / data.stepsPerUnit);
  let sum = 0;
  for (let micro = 0; micro < accumulate; micro++) {
    const inputs = await data.read(step, micro);
    if (!inputs.ok) return inputs;
    sum += await trainer.accumulate(inputs.value, 1 / accumulate);
  }
  return ok({ lr, loss: sum / accumulate, ...(await trainer.update({ lr, n })) });
}
