import { type Diagnostic, fail, ok, type Result } from "../../../diagnostics/diagnostic.ts";
import { Failure } from "../../../diagnostics/failure.ts";
import { learningRate } from "../../../training/learning-rate.ts";
import { type Validated, validatedText } from "../../../training/validation/figures.ts";
import type { TrainingData } from "../../inputs/batches.ts";
import { breathe } from "../../output/fs.ts";
import { type Signal, stoppable } from "../../process/interrupt.ts";
import { liveLine } from "../../process/live-line.ts";
import {
  type CheckpointRequest,
  type Progress,
  pruneCheckpoints,
  unlockCheckpoint,
  writeCheckpoint,
} from "./checkpoints.ts";
import type { Look, Looks } from "./report/looks.ts";
import { openReport } from "./report/report.ts";
import { evaluationsFile, logFile, type RunFolder, recipeFile } from "./run-folder.ts";
import { plainStepLine, stepLine } from "./step-line.ts";
import type { Watch } from "./validation/measure.ts";
import type { Validation } from "./validation/validation.ts";

export interface Session {
  readonly saveEvery: number;
  readonly run: RunFolder;
  readonly data: TrainingData;
  readonly checkpoint: Omit<CheckpointRequest, keyof Progress | "dataSha256">;
  readonly validation: Validation;
  /** Null where a model reconstructs nothing, or there are no pictures. */
  readonly looks: Looks | null;
  /** What the report says of the run, a name and a value each. */
  readonly facts: readonly (readonly [name: string, value: string])[];
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
    const { saveEvery, run, data, checkpoint, looks, facts } = session;
    const unwritable = await run.begin();
    if (unwritable !== null) return fail(unwritable);
    const from = run.from?.step ?? 0;
    const { recipe } = checkpoint;
    const { steps } = data;
    const report = openReport({ run: run.folder, step: from, steps, recipe: recipe.name, facts, looks });
    let [updates, saved] = [run.from?.updates ?? 0, from];
    let validated: Validated | null = null;
    const written = new Set<string>([recipeFile, logFile]);
    const losses: number[] = [];
    const line = liveLine(done => done % Math.ceil((steps - from) / 100) === 0);
    const watch: Watch = { asked: () => asked() !== null, show: text => line.show(text, null) };
    const writeReport = async (): Promise<void> => {
      for (const file of await report.write()) written.add(file);
    };
    const look = async (step: number): Promise<void> => {
      const seen = await lookAt(session, step, watch);
      if (seen === null) return;
      const { figures, look: drawn } = seen;
      run.confirm();
      const entry = { step, ...figures, ...(drawn === null ? {} : { channel_distance: drawn.distances }) };
      run.evaluated(entry);
      report.evaluated(entry);
      written.add(evaluationsFile);
      if (drawn !== null) await report.keep(drawn.column);
      if (figures === null) return;
      validated = figures;
      line.say(`step ${step}  validation: ${validatedText(figures)}`);
    };
    const save = async (step: number): Promise<readonly Diagnostic[]> => {
      run.confirm();
      const dataSha256 = await data.sha256(step);
      const published = await writeCheckpoint({ ...checkpoint, dataSha256, step, updates });
      if (!published.ok) return published.diagnostics;
      for (const file of published.value.written) written.add(`checkpoints/step-${step}/${file}`);
      saved = step;
      pruneCheckpoints(checkpoint.run);
      return noting(writeReport);
    };
    const begun = performance.now();
    let stepping = 0;
    try {
      if (from > 0) {
        await writeReport();
        await unlockCheckpoint(checkpoint.run, from);
      }
      // Where no other follows, after which this is done.
      if (from === steps) pruneCheckpoints(checkpoint.run);
      for (let step = from; step < steps && asked() === null; step++) {
        const start = performance.now();
        const taken = await takeStep({ data, checkpoint, step, n: updates + 1 });
        if (!taken.ok) return fail(...(step > saved ? await save(step) : []), ...taken.diagnostics);
        const { lr, loss, gradNorm, skipped } = taken.value;
        if (!skipped) updates++;
        losses.push(loss);
        const entry = { step, lr, loss, grad_norm: gradNorm, ...(skipped ? { skipped } : {}) };
        run.log(entry);
        report.step(entry);
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
        const problems = asked() === null ? await noting(() => look(step + 1)) : [];
        const unsaved = await save(step + 1);
        if (problems.length + unsaved.length > 0) return fail(...problems, ...unsaved);
      }
    } finally {
      line.end();
    }
    const [first, last] = [losses[0], losses.at(-1)];
    const done: LearnReport = {
      recipe: recipe.name,
      from,
      steps,
      step: from + losses.length,
      updates,
      skipped: losses.length - (updates - (run.from?.updates ?? 0)),
      losses: first === undefined || last === undefined ? null : { first, last },
      validated,
      written: [...written],
      endedBy: asked(),
    };
    return ok(done, report.odd);
  });

interface Seen {
  readonly figures: Validated | null;
  readonly look: Look | null;
}

/** Evaluates what was learned so far, and looks at it; null where there is nothing to see, or somebody asked to stop. */
async function lookAt(session: Session, step: number, watch: Watch): Promise<Seen | null> {
  const { validation, looks, checkpoint } = session;
  const { trainer, recipe } = checkpoint;
  const figures = await validation.evaluate(trainer, watch);
  if (watch.asked()) return null;
  const kind = recipe.ema === null ? "param" : "ema";
  const weights = async (name: string) => Float32Array.from(await trainer.read(kind, name));
  const look = looks === null ? null : await looks.look(weights, step);
  return figures === null && look === null ? null : { figures, look };
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
