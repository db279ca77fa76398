import { type Diagnostic, fail, ok, type Result } from "../../../diagnostics/diagnostic.ts";
import { invariant } from "../../../diagnostics/invariant.ts";
import { error } from "../../../diagnostics/messages.ts";
import type { Classifier, Model, StorageType } from "../../../model/model.ts";
import { type Picture, toBatch } from "../../../preprocess/picture.ts";
import { topK } from "../../../runtime/top-k.ts";
import { type ExecutorName, preparing } from "../../executors/executors.ts";
import type { AdapterKind } from "../../gpu/adapters.ts";
import { readLabels } from "../../inputs/labels.ts";
import { type ModelChoice, oneModel } from "../../inputs/one-model.ts";
import { type OpenWeights, openWeights, type WeightsOptions, withWeights } from "../../inputs/open-weights.ts";
import { picturesOf } from "../../inputs/picture-files.ts";
import { pictureProblem } from "../../inputs/pictures.ts";
import type { RunTensor } from "../../inputs/tensors.ts";
import { classLine } from "./class-line.ts";
import { type PictureBatch, pictureBatches } from "./picture-batches.ts";
import { type Rankings, rankings } from "./rankings.ts";

export interface ClassifyJob extends ModelChoice {
  readonly on: ExecutorName;
  /** Where WebGPU runs; null on other executors. */
  readonly adapter: AdapterKind | null;
  /** How weights and activations are stored. */
  readonly dtype: StorageType;
  /** The CUDA executors multiply f32 as TF32. */
  readonly tf32: boolean;
  readonly weights: string;
  readonly binding: WeightsOptions;
  /** Files, and folders of them. */
  readonly images: readonly string[];
  /** A file of labels, instead of the spec's own, or null. */
  readonly labels: string | null;
  /** Most classes that are told of an image. */
  readonly top: number;
}

export interface Classified {
  readonly rankings: Rankings;
  /** Of all classes, or null. */
  readonly labels: readonly string[] | null;
  /** Pictures that were left out, each with the reason. */
  readonly broken: readonly Diagnostic[];
  readonly on: string;
  /** All forward passes together. */
  readonly milliseconds: number;
  /** Everything, reading too. */
  readonly seconds: number;
}

interface ClassifierModel extends Model {
  readonly head: Classifier;
}

/** Images of a run, so that activations stay small whatever is asked for. */
const mostAtOnce = 16;

/** Classes that are told of all images together: more would be no text that fits into memory. */
const mostTold = 2_000_000;

/**
 * Reads spec, labels and weights, runs the model on the images in batches, and ranks the classes of each. Of images only a
 * batch and the next are held. What is no picture at all is told before anything runs; one that cannot be decoded is left out.
 */
export async function classify(job: ClassifyJob): Promise<Result<Classified>> {
  const found = oneModel(job);
  if (!found.ok) return found;
  const model = found.value;
  if (!isClassifier(model)) return fail(error("no-classes", null, model.name, headOf(model)));
  const { classes } = model.head;
  const labels = job.labels === null ? ok(model.head.labels) : readLabels(job.labels, { name: model.name, classes });
  if (!labels.ok) return labels;
  const files = picturesOf(job.images);
  if (!files.ok) return files;
  const top = Math.min(job.top, classes);
  const told = files.value.length * top;
  if (told > mostTold) return fail(error("much-to-tell", null, files.value.length, top, mostTold));
  const problems = files.value.flatMap(file => pictureProblem(file) ?? []);
  if (problems.length > 0) return fail(...problems);
  const whileRead: Diagnostic[] = [];
  const weights = await openWeights(job.weights, model, diagnostic => whileRead.push(diagnostic), job.binding);
  return withWeights(weights, async opened => {
    const done = await runAll(job, model, files.value, opened);
    if (!done.ok) return done;
    // Weights are read for each size of batch, and the same is said of them.
    const said = new Map(whileRead.map(diagnostic => [diagnostic.message, diagnostic]));
    const warnings = [...found.diagnostics, ...weights.diagnostics, ...said.values(), ...done.diagnostics];
    return ok({ ...done.value, labels: labels.value }, warnings);
  });
}

const isClassifier = (model: Model): model is ClassifierModel =>
  model.head.kind === "classifier" && model.head.classes > 0;

const headOf = ({ head }: Model): string => (head.kind === "classifier" ? "a head of 0 classes" : `head ${head.kind}`);

async function runAll(
  { on, adapter, dtype, tf32, top }: ClassifyJob,
  model: ClassifierModel,
  files: readonly string[],
  weights: OpenWeights,
): Promise<Result<Omit<Classified, "labels">>> {
  const { classes } = model.head;
  const prepare = await preparing[on]({ adapter, dtype, tf32 });
  const found = rankings(files.length, Math.min(top, classes));
  const [broken, warnings]: [Diagnostic[], Diagnostic[]] = [[], []];
  const next = pictureBatches(files, model, mostAtOnce, one =>
    (one.severity === "error" ? broken : warnings).push(one),
  );
  const [line, start] = [classLine(files.length), performance.now()];
  let [ranOn, milliseconds] = ["", 0];

  /** Batches as long as they have one size, of which the first is given, and what comes then. */
  const runAlike = (first: PictureBatch): Promise<Result<PictureBatch | null>> => {
    const size = first.pictures.length;
    return prepare({ model, batch: size, taps: [], sites: "auto", weights }, async run => {
      for (let batch: PictureBatch = first; ; ) {
        const report = await run(inputsOf(model, batch.pictures));
        if (!report.ok) return report;
        const logits = report.value.outputs.get("logits")?.data;
        invariant(logits !== undefined, "a classifier gave no 'logits'");
        const wrong = logits.filter(value => !Number.isFinite(value)).length;
        if (wrong > 0) return fail(error("nonfinite-output", null, "logits", wrong));
        const ranked = topK(logits, { classes, labels: null, problem: model.head.problem }, top);
        for (const [n, name] of batch.names.entries()) found.add(name, ranked[n] ?? []);
        // The others compile alike, with the same remarks.
        if (milliseconds === 0) warnings.push(...report.diagnostics);
        ranOn = report.value.on;
        milliseconds += report.value.milliseconds;
        line.show(found.all().images.length + broken.length);
        const following = await next();
        if (!following.ok || following.value?.pictures.length !== size) return following;
        batch = following.value;
      }
    });
  };

  try {
    let batch = await next();
    while (batch.ok && batch.value !== null) batch = await runAlike(batch.value);
    if (!batch.ok) return batch;
  } finally {
    line.end();
  }
  const seconds = (performance.now() - start) / 1000;
  return ok({ rankings: found.all(), broken, on: ranOn, milliseconds, seconds }, warnings);
}

function inputsOf(
  { input, preprocess }: ClassifierModel,
  pictures: readonly Picture[],
): ReadonlyMap<string, RunTensor> {
  const { channels, height, width } = input;
  const shape = [pictures.length, channels, height, width];
  return new Map([["pixel_values", { shape, data: toBatch(pictures, preprocess) }]]);
}
