import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import * as path from "node:path";
import { type Diagnostic, fail, ok, type Result } from "../../../diagnostics/diagnostic.ts";
import { catchingFailures } from "../../../diagnostics/failure.ts";
import { error, warning } from "../../../diagnostics/messages.ts";
import { learnedBy } from "../../../training/learned.ts";
import { inferences, type TrainerName, type TrainerPlace, trainers } from "../../executors/trainers.ts";
import { contains } from "../../files/contains.ts";
import { pathProblem } from "../../files/errno.ts";
import { type DataRequest, openBatches, type TrainingData } from "../../inputs/batches.ts";
import { oneRecipe, type RecipeChoice } from "../../inputs/one-recipe.ts";
import { paramsOf, type WeightsOptions } from "../../inputs/open-weights.ts";
import { openPictures } from "../../inputs/picture-data.ts";
import { openTensors } from "../../inputs/tensor-data.ts";
import { type LearnReport, learn } from "./learn.ts";
import { type Looks, openLooks } from "./report/looks.ts";
import { openRun, recipeText } from "./run-folder.ts";
import { newStart, resumedStart } from "./start.ts";
import { noValidation, openValidation, type Validation } from "./validation/validation.ts";

export interface TrainJob extends RecipeChoice, TrainerPlace {
  readonly on: TrainerName;
  /** Null for weights that are drawn as the recipe says. */
  readonly weights: string | null;
  readonly binding: WeightsOptions;
  /** A folder of pictures or a file of images, or a file of ready batches; the other is null. */
  readonly data: string | null;
  readonly batches: string | null;
  /** A folder of pictures that is evaluated at every checkpoint, or null, and most pictures of it that are used. */
  readonly val: string | null;
  readonly valCount: number | null;
  readonly run: string;
  readonly resume: boolean;
  /** Steps from one checkpoint to the next. */
  readonly saveEvery: number;
}

export interface TrainReport extends LearnReport {
  readonly on: string;
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
    // GRN starts as the identity, and a new head as zeros; that is no news to who trains them.
    if (diagnostic.code !== "weights-grn-zero" && diagnostic.code !== "weights-head-zero") whileRead.push(diagnostic);
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
      const validation = owned(await openHeldOut(job, { model, recipe }));
      if (!validation.ok) return validation;
      const looks = await openLooksAt(job, { model, recipe });
      if (!looks.ok) return looks;
      if (looks.value !== null) owned(ok(looks.value));
      const run = owned(await openRun(job.run, text.value, data.value.steps, job.resume));
      if (!run.ok) return run;
      const { from, folder } = run.value;
      const begunWith = from?.dataSha256 ?? null;
      if (from !== null && begunWith !== null && begunWith !== (await data.value.sha256(from.step)))
        return fail(error("data-differs", { file: job.data ?? job.batches ?? "", offset: null }));
      const request = { model, recipe, params: learned, report };
      const start = owned(
        await (from === null ? newStart(job.weights, job.binding, request) : resumedStart(from, request)),
      );
      if (!start.ok) return start;
      const open = await trainers[job.on](job);
      const trainer = owned(await open({ model, recipe, params: learned, start: start.value.start }));
      if (!trainer.ok) return trainer;

      const recipeSha256 = createHash("sha256").update(text.value).digest("hex");
      const { inFile } = start.value;
      const checkpoint = { run: folder, recipe, recipeSha256, params: learned, trainer: trainer.value, inFile };
      const done = await learn({
        saveEvery: job.saveEvery,
        run: run.value,
        data: data.value,
        checkpoint,
        validation: validation.value,
        looks: looks.value,
        facts: factsOf(job, { model, recipe }, trainer.value.on),
      });
      if (!done.ok) return done;
      const { skipped } = done.value;
      const odd = skipped === 0 ? [] : [warning("steps-skipped", null, skipped, done.value.step - done.value.from)];
      const before = [chosen, data, run, start, trainer, done].flatMap(({ diagnostics }) => diagnostics);
      const pictures = [...data.value.odd(), ...validation.value.odd()];
      return ok({ ...done.value, on: trainer.value.on }, [...before, ...whileRead, ...pictures, ...odd]);
    } finally {
      for (const close of closers) await close();
    }
  });
}

const isFile = (data: string): boolean => statSync(data, { throwIfNoEntry: false })?.isFile() ?? false;

const openData = async ({ data, batches, run }: TrainJob, request: DataRequest): Promise<Result<TrainingData>> => {
  const problem = data === null ? null : pathProblem(data);
  if (problem !== null) return fail(problem);
  if (liesIn(run, data)) return fail(error("run-in-data", { file: run, offset: null }));
  if (data !== null && batches === null) return (isFile(data) ? openTensors : openPictures)(data, request);
  return batches !== null && data === null ? openBatches(batches, request) : fail(error("data-needed", null));
};

/** The folder of pictures that is trained on; null where it is a file. */
const picturesOf = ({ data }: TrainJob): string | null => (data === null || isFile(data) ? null : data);

/** Most pictures of `--val` that are used unless the user says otherwise. */
const usualValCount = 5000;

async function openHeldOut(job: TrainJob, request: DataRequest): Promise<Result<Validation>> {
  const { val, valCount, run, on } = job;
  if (val === null) return valCount === null ? ok(noValidation) : fail(error("val-count-unused", null));
  if (liesIn(run, val)) return fail(error("run-in-data", { file: run, offset: null }));
  return openValidation({
    ...request,
    val,
    data: picturesOf(job),
    most: valCount ?? usualValCount,
    open: await inferences[on](job),
  });
}

/** A few pictures for the report: of those that are held out, else of those that are trained on. */
async function openLooksAt(job: TrainJob, { model, recipe }: DataRequest): Promise<Result<Looks | null>> {
  const folder = job.val ?? picturesOf(job);
  if (folder === null) return ok(null);
  return openLooks({ model, seed: recipe.seed, folder, open: await inferences[job.on](job) });
}

const factsOf = ({ data, val }: TrainJob, { model, recipe }: DataRequest, on: string) =>
  [
    ["Model", model.name],
    ["Images a step", `${recipe.batch * recipe.accumulate}`],
    ["Seed", `${recipe.seed}`],
    ["Trained on", on],
    ...(data === null ? [] : [["Pictures", path.basename(path.resolve(data))] as const]),
    ...(val === null ? [] : [["Held out", path.basename(path.resolve(val))] as const]),
  ] as const;

const liesIn = (run: string, folder: string | null): boolean =>
  folder !== null && contains(path.resolve(folder), path.resolve(run));
