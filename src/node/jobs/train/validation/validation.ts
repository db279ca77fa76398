import * as path from "node:path";
import { type Diagnostic, fail, ok, type Result } from "../../../../diagnostics/diagnostic.ts";
import { error, warning } from "../../../../diagnostics/messages.ts";
import type { Model, Recipe } from "../../../../model/model.ts";
import type { Figures, Validated } from "../../../../training/validation/figures.ts";
import type { OpenInference } from "../../../executors/inference.ts";
import type { StateKind, Trainer } from "../../../executors/trainer.ts";
import { type EvaluationPictures, openEvaluation } from "../../../inputs/evaluation-pictures.ts";
import { classification } from "./classification.ts";
import { type Measure, type OpenMeasure, Stopped, type Watch } from "./measure.ts";
import { reconstruction } from "./reconstruction.ts";
import { transfer } from "./transfer.ts";

/** A folder of pictures by which a run is judged. */
export interface Validation {
  /** Null where nothing is held out, or somebody asked to stop meanwhile. */
  evaluate(trainer: Pick<Trainer, "read">, watch: Watch): Promise<Validated | null>;
  /** What was odd about the pictures that were read so far. */
  odd(): readonly Diagnostic[];
  close(): Promise<void>;
}

/** Where nothing is held out. */
export const noValidation: Validation = { evaluate: async () => null, odd: () => [], close: async () => {} };

export interface ValidationRequest {
  readonly model: Model;
  readonly recipe: Recipe;
  readonly val: string;
  /** The folder that is trained on; null for ready batches. */
  readonly data: string | null;
  /** Most pictures of `val` that are used. */
  readonly most: number;
  readonly open: OpenInference;
}

/** Most pictures of the folder that is trained on whose features are computed. */
const mostKnown = 5000;

export async function openValidation(request: ValidationRequest): Promise<Result<Validation>> {
  const { model, recipe, val, data, most, open } = request;
  const { seed, batch } = recipe;
  const known =
    data === null ? ok(null) : openEvaluation(data, { model, seed, most: mostKnown, classes: null, as: "trained on" });
  if (!known.ok) return known;
  const names = known.value?.classes ?? [];
  const pictures = openEvaluation(val, { model, seed, most, classes: names.length > 0 ? names : null, as: "held out" });
  if (!pictures.ok) return pictures;
  const { classes } = pictures.value;
  const { head } = model;
  const unlabelled =
    head.kind === "classifier" && (names.length > 0 ? classes.length === 0 : classes.length !== head.classes);
  if (unlabelled)
    return fail(error("classes-differ", { file: val, offset: null }, classes.length, model.name, head.classes));
  // Whatever reading pictures lacks is told before anything is trained.
  const first = await pictures.value.read(0, 1);
  if (!first.ok) return first;

  const folders = new Map([[val, pictures.value]]);
  const wanted: OpenMeasure[] = [head.kind === "classifier" ? classification : reconstruction];
  if (head.kind === "fcmae" && known.value !== null && names.length > 1 && classes.length > 0) {
    wanted.push(transfer(known.value));
    if (data !== null) folders.set(data, known.value);
  }
  const measures: Measure[] = [];
  const close = async () => {
    for (const measure of measures) await measure.close();
  };
  for (const openMeasure of wanted) {
    const measure = await openMeasure({ model, pictures: pictures.value, batch, seed, open });
    if (measure.ok) measures.push(measure.value);
    else {
      await close();
      return measure;
    }
  }
  const figuresOf = async (trainer: Pick<Trainer, "read">, kind: StateKind, watch: Watch): Promise<Figures> => {
    const weights = async (name: string) => Float32Array.from(await trainer.read(kind, name));
    const found: Figures = { images: 0, loss: Number.NaN };
    for (const measure of measures) Object.assign(found, await measure.take(weights, watch));
    return found;
  };
  return ok({
    async evaluate(trainer, watch) {
      try {
        const weights = await figuresOf(trainer, "param", watch);
        if (recipe.ema === null) return { val: weights };
        return { val: await figuresOf(trainer, "ema", watch), val_weights: weights };
      } catch (cause) {
        if (cause instanceof Stopped) return null;
        throw cause;
      }
    },
    odd: () => [...folders].flatMap(([folder, { broken }]) => oddOf(folder, broken())),
    close,
  });
}

function oddOf(folder: string, broken: ReturnType<EvaluationPictures["broken"]>): readonly Diagnostic[] {
  const [first] = broken.keys();
  if (first === undefined) return [];
  return [warning("pictures-left-out", { file: path.join(folder, first), offset: null }, broken.size)];
}
