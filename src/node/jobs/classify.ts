import { type Diagnostic, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { catchingFailures } from "../../diagnostics/failure.ts";
import { invariant } from "../../diagnostics/invariant.ts";
import { error } from "../../diagnostics/messages.ts";
import type { Classifier, Model, StorageType } from "../../model/model.ts";
import { type Picture, toBatch } from "../../preprocess/picture.ts";
import type { RunRequest } from "../executors/executor.ts";
import { type ExecutorName, executors } from "../executors/executors.ts";
import type { AdapterKind } from "../gpu/adapters.ts";
import { readLabels } from "../inputs/labels.ts";
import { type ModelChoice, oneModel } from "../inputs/one-model.ts";
import { type OpenWeights, openWeights, type WeightsOptions } from "../inputs/open-weights.ts";
import { readFitted } from "../inputs/pictures.ts";
import type { RunTensor } from "../inputs/tensors.ts";
import { progress } from "../process/progress.ts";
import { type Ranked, rank } from "./ranking.ts";

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
  readonly images: readonly string[];
  /** A file with a label a line, or null. */
  readonly labels: string | null;
  /** Most classes that are told of an image. */
  readonly top: number;
}

export interface Classified {
  readonly images: readonly { readonly image: string; readonly classes: readonly LabelledClass[] }[];
  readonly on: string;
  /** All forward passes together. */
  readonly milliseconds: number;
}

export interface LabelledClass extends Ranked {
  readonly label: string | null;
}

interface ClassifierModel extends Model {
  readonly head: Classifier;
}

/** Images of a run, so that activations stay small whatever is asked for. */
const mostAtOnce = 16;

/**
 * Reads spec, labels, images and weights, runs the model on the images in batches, and ranks the classes of each. All
 * images are read before anything runs: one that cannot be read is told at once.
 */
export async function classify(job: ClassifyJob): Promise<Result<Classified>> {
  const found = oneModel(job);
  if (!found.ok) return found;
  const model = found.value;
  if (!isClassifier(model)) return fail(error("no-classes", null, model.name, headOf(model)));
  const { classes } = model.head;
  const labels = job.labels === null ? ok(null) : readLabels(job.labels, { name: model.name, classes });
  if (!labels.ok) return labels;
  const pictures = await readFitted(job.images, model);
  if (!pictures.ok) return pictures;
  const whileRead: Diagnostic[] = [];
  const weights = await openWeights(job.weights, model, diagnostic => whileRead.push(diagnostic), job.binding);
  if (!weights.ok) return weights;
  return catchingFailures(async () => {
    const logits = await runBatches(job, model, pictures.value, weights.value);
    await weights.value.close();
    if (!logits.ok) return logits;
    const { values, on, milliseconds } = logits.value;
    const broken = values.filter(value => !Number.isFinite(value)).length;
    if (broken > 0) return fail(error("nonfinite-output", null, "logits", broken));
    const images = job.images.map((image, n) => ({
      image,
      classes: rank(values.subarray(n * classes, (n + 1) * classes), job.top).map(one => ({
        class: one.class,
        label: labels.value?.[one.class] ?? null,
        logit: one.logit,
        probability: one.probability,
      })),
    }));
    // Each batch reads the weights, and would say the same of them.
    const said = new Map(whileRead.map(diagnostic => [diagnostic.message, diagnostic]));
    const warnings = [...found.diagnostics, ...weights.diagnostics, ...said.values(), ...logits.diagnostics];
    return ok({ images, on, milliseconds }, warnings);
  });
}

const isClassifier = (model: Model): model is ClassifierModel =>
  model.head.kind === "classifier" && model.head.classes > 0;

const headOf = ({ head }: Model): string => (head.kind === "classifier" ? "a head of 0 classes" : `head ${head.kind}`);

interface Logits {
  /** [images, classes]. */
  readonly values: Float32Array;
  readonly on: string;
  readonly milliseconds: number;
}

async function runBatches(
  { on, adapter, dtype, tf32 }: ClassifyJob,
  model: ClassifierModel,
  pictures: readonly Picture[],
  weights: OpenWeights,
): Promise<Result<Logits>> {
  const execute = await executors[on]({ adapter, dtype, tf32 });
  const values = new Float32Array(pictures.length * model.head.classes);
  const warnings: Diagnostic[] = [];
  let [ranOn, milliseconds] = ["", 0];
  for (let start = 0; start < pictures.length; start += mostAtOnce) {
    const batch = pictures.slice(start, start + mostAtOnce);
    const report = await execute(requestOf(model, batch, weights));
    if (!report.ok) return report;
    const logits = report.value.outputs.get("logits");
    invariant(logits !== undefined, "a classifier gave no 'logits'");
    values.set(logits.data, start * model.head.classes);
    // Batches of one size compile alike, with the same remarks.
    if (start === 0) warnings.push(...report.diagnostics);
    ranOn = report.value.on;
    milliseconds += report.value.milliseconds;
    if (pictures.length > mostAtOnce)
      progress(`${Math.min(start + mostAtOnce, pictures.length)} of ${pictures.length} images classified`);
  }
  return ok({ values, on: ranOn, milliseconds }, warnings);
}

function requestOf(model: ClassifierModel, pictures: readonly Picture[], weights: OpenWeights): RunRequest {
  const { channels, height, width } = model.input;
  const pixels: RunTensor = { shape: [pictures.length, channels, height, width], data: toBatch(pictures) };
  return {
    model,
    batch: pictures.length,
    taps: [],
    sites: "auto",
    weights,
    inputs: new Map([["pixel_values", pixels]]),
  };
}
