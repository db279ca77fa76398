import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import * as path from "node:path";
import { type Diagnostic, fail, ok, type Result } from "../../../diagnostics/diagnostic.ts";
import { catchingFailures } from "../../../diagnostics/failure.ts";
import { error, warning } from "../../../diagnostics/messages.ts";
import { learnedBy } from "../../../training/learned.ts";
import { learningRate } from "../../../training/learning-rate.ts";
import { type TrainerName, type TrainerPlace, trainers } from "../../executors/trainers.ts";
import { contains } from "../../files/contains.ts";
import { pathProblem } from "../../files/errno.ts";
import { type DataRequest, openBatches, type TrainingData } from "../../inputs/batches.ts";
import { oneRecipe, type RecipeChoice } from "../../inputs/one-recipe.ts";
import { paramsOf } from "../../inputs/open-weights.ts";
import { openPictures } from "../../inputs/picture-data.ts";
import { openTensors } from "../../inputs/tensor-data.ts";
import { breathe } from "../../output/fs.ts";
import { type Signal, stoppable } from "../../process/interrupt.ts";
import { liveLine } from "../../process/live-line.ts";
import { type CheckpointRequest, type Progress, pruneCheckpoints, writeCheckpoint } from "./checkpoints.ts";
import { logFile, openRun, type RunFolder, recipeFile, recipeText } from "./run-folder.ts";
import { newStart, resumedStart } from "./start.ts";

export interface TrainJob extends RecipeChoice, TrainerPlace {
  readonly on: TrainerName;
  /** Null for weights that are drawn as the recipe says. */
  readonly weights: string | null;
  /** A folder of pictures or a file of images, or a file of ready batches; the other is null. */
  readonly data: string | null;
  readonly batches: string | null;
  readonly run: string;
  readonly resume: boolean;
  /** Steps from one checkpoint to the next. */
  readonly saveEvery: number;
}

export interface TrainReport extends Progress {
  readonly recipe: string;
  /** Steps that it went on after. */
  readonly from: number;
  readonly steps: number;
  readonly skipped: number;
  /** The mean over the micro-batches of the first and of the last step that was done; null where none was. */
  readonly losses: { readonly first: number; readonly last: number } | null;
  /** Files that were written, below the folder of the run. */
  readonly written: readonly string[];
  readonly on: string;
  readonly endedBy: Signal | null;
}

/** Trains a model by a recipe, from a file of batches to a folder with its log and checkpoints. */
export async function train(job: TrainJob): Promise<Result<TrainReport>> {
  const chosen = oneRecipe(job);
  if (!chosen.ok) return chosen;
  const { recipe, model } = chosen.value;
  const text = recipeText(recipe, model);
  const params = paramsOf(model);
  if (!text.ok) return text;
  if (!params.ok) return params;

  const learned = learnedBy(recipe, model, params.value);
  const whileRead: Diagnostic[] = [];
  const report = (diagnostic: Diagnostic): void => {
    // GRN starts as the identity; that is no news to who trains it.
    if (diagnostic.code !== "weights-grn-zero") whileRead.push(diagnostic);
  };
  const closers: (() => Promise<void> | void)[] = [];
  const owned = <T extends { close(): Promise<void> | void }>(result: Result<T>): Result<T> => {
    if (result.ok) closers.unshift(result.value.close);
    return result;
  };
  return catchingFailures(async () => {
    try {
      const data = owned(await openData(job, { model, recipe }));
      if (!data.ok) return data;
      const run = owned(await openRun(job.run, text.value, data.value.steps, job.resume));
      if (!run.ok) return run;
      const { from, folder } = run.value;
      const begunWith = from?.dataSha256 ?? null;
      if (from !== null && begunWith !== null && begunWith !== (await data.value.sha256(from.step)))
        return fail(error("data-differs", { file: job.data ?? job.batches ?? "", offset: null }));
      const request = { model, recipe, params: learned, report };
      const start = owned(await (from === null ? newStart(job.weights, request) : resumedStart(from, request)));
      if (!start.ok) return start;
      const open = await trainers[job.on](job);
      const trainer = owned(await open({ model, recipe, params: learned, start: start.value.start }));
      if (!trainer.ok) return trainer;

      const recipeSha256 = createHash("sha256").update(text.value).digest("hex");
      const { inFile } = start.value;
      const checkpoint = { run: folder, recipe, recipeSha256, params: learned, trainer: trainer.value, inFile };
      const done = await learn({ saveEvery: job.saveEvery, run: run.value, data: data.value, checkpoint });
      if (!done.ok) return done;
      const { skipped } = done.value;
      const odd = skipped === 0 ? [] : [warning("steps-skipped", null, skipped, done.value.step - done.value.from)];
      const before = [chosen, data, run, start, trainer].flatMap(({ diagnostics }) => diagnostics);
      return ok({ ...done.value, on: trainer.value.on }, [...before, ...whileRead, ...data.value.odd(), ...odd]);
    } finally {
      for (const close of closers) await close();
    }
  });
}

const isFile = (data: string): boolean => statSync(data, { throwIfNoEntry: false })?.isFile() ?? false;

const openData = async ({ data, batches, run }: TrainJob, request: DataRequest): Promise<Result<TrainingData>> => {
  const problem = data === null ? null : pathProblem(data);
  if (problem !== null) return fail(problem);
  if (data !== null && contains(path.resolve(data), path.resolve(run)))
    return fail(error("run-in-data", { file: run, offset: null }));
  if (data !== null && batches === null) return (isFile(data) ? openTensors : openPictures)(data, request);
  return batches !== null && data === null ? openBatches(batches, request) : fail(error("data-needed", null));
};

interface Session {
  readonly saveEvery: number;
  readonly run: RunFolder;
  readonly data: TrainingData;
  readonly checkpoint: Omit<CheckpointRequest, keyof Progress | "dataSha256">;
}

/** Step by step, with a line in the log for each; when it is asked to stop, it saves what it has. */
const learn = ({ saveEvery, run, data, checkpoint }: Session): Promise<Result<Omit<TrainReport, "on">>> =>
  stoppable(async asked => {
    const unwritable = await run.begin();
    if (unwritable !== null) return fail(unwritable);
    const from = run.from?.step ?? 0;
    let [updates, saved] = [run.from?.updates ?? 0, from];
    const written: string[] = [recipeFile, logFile];
    const losses: number[] = [];
    const save = async (step: number): Promise<readonly Diagnostic[]> => {
      run.confirm();
      const dataSha256 = await data.sha256(step);
      const published = await writeCheckpoint({ ...checkpoint, dataSha256, step, updates });
      if (published.ok) written.push(...published.value.written.map(file => `checkpoints/step-${step}/${file}`));
      saved = step;
      if (published.ok) pruneCheckpoints(checkpoint.run);
      return published.ok ? [] : published.diagnostics;
    };
    const { recipe } = checkpoint;
    const { steps } = data;
    const line = liveLine(done => done % Math.ceil((steps - from) / 100) === 0);
    const begun = performance.now();
    try {
      for (let step = from; step < steps && asked() === null; step++) {
        const taken = await takeStep({ data, checkpoint, step, n: updates + 1 });
        if (!taken.ok) return fail(...(step > saved ? await save(step) : []), ...taken.diagnostics);
        const { lr, loss, gradNorm, skipped } = taken.value;
        if (!skipped) updates++;
        losses.push(loss);
        run.log({ step, lr, loss, grad_norm: gradNorm, ...(skipped ? { skipped } : {}) });
        const seconds = (performance.now() - begun) / 1000 / losses.length;
        const pace = (recipe.batch * recipe.accumulate) / seconds;
        const left = Math.ceil(seconds * (steps - step - 1));
        line.show(
          `step ${step + 1} of ${steps}  loss ${loss.toPrecision(5)}  |g| ${gradNorm.toPrecision(3)}  lr ${lr.toExponential(1)}  ${pace.toPrecision(3)} images/s  ${left} s left`,
        );
        await breathe(); // signals are heard between turns of the event loop
        if (step + 1 < steps && (step + 1) % saveEvery !== 0 && asked() === null) continue;
        const problems = await save(step + 1);
        if (problems.length > 0) return fail(...problems);
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
      written,
      endedBy: asked(),
    });
  });

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
