import { type Diagnostic, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { build, tapsOf } from "../../graph/build.ts";
import type { Extent } from "../../graph/builder.ts";
import { nodeOf, resolve } from "../../graph/graph.ts";
import type { Model } from "../../model/model.ts";
import type { SiteLayout } from "../../passes/site-layout.ts";
import { type Comparison, compare, type Outputs } from "../../verify/compare.ts";
import { gradientLimit, precisionLimits } from "../../verify/precision-limits.ts";
import { type RecordedValues, readRecorded } from "../../verify/recorded.ts";
import type { Recorded } from "../../verify/report.ts";
import { elements } from "../../weights/tensor.ts";
import type { RunRequest } from "../executors/executor.ts";
import { executor as executorOf } from "../executors/executors.ts";
import { gradientsOf } from "../executors/gradients.ts";
import type { AdapterKind } from "../gpu/adapters.ts";
import { type ModelChoice, oneModel } from "../inputs/one-model.ts";
import { openOrDraw, type WeightsOptions, withWeights } from "../inputs/open-weights.ts";
import { drawInputs, drawLearningInputs, readInputs, readLearningInputs } from "../inputs/tensors.ts";
import { asItIs, withTensors } from "../inputs/with-tensors.ts";
import { progress } from "../process/progress.ts";
import { type Subject, subjectName } from "./subject.ts";

export interface VerifyJob extends ModelChoice {
  readonly subjects: readonly Subject[];
  /** A subject that cannot run here is left out, with the reason; else it is an error. */
  readonly lenient: boolean;
  readonly adapter: AdapterKind | null;
  /** A file of weights or `random:SEED`; null draws weights whose every part matters. */
  readonly weights: string | null;
  readonly binding: WeightsOptions;
  /** A file of inputs; null draws images. */
  readonly input: string | null;
  /** A file of what PyTorch gave for those inputs, or null. */
  readonly expect: string | null;
  readonly batch: number;
  readonly sites: SiteLayout;
  /** Compare every module too. */
  readonly each: boolean;
  /** Compare the loss and its gradients instead, of every parameter and the image. */
  readonly gradients: boolean;
  /** In place of the limit of each form. */
  readonly tolerance: number | null;
}

export interface Verdict extends Subject {
  /** What it ran on, for people. */
  readonly on: string;
  readonly limit: number;
  readonly milliseconds: number;
  /** The model's outputs, from the kernels that users get. */
  readonly whole: Comparison;
  /** Every module as an output, which no kernel then crosses; null where only the whole was wanted. */
  readonly each: Comparison | null;
  /** The values that were recorded: outputs from the kernels that users get, modules from the other run. */
  readonly recorded: Comparison | null;
}

export interface Verification {
  readonly model: string;
  readonly batch: number;
  readonly weights: string;
  readonly verdicts: readonly Verdict[];
  /** The reference beside the values that were recorded. */
  readonly recorded: Recorded | null;
  /** Why others did not run. */
  readonly skipped: readonly string[];
  /** Which modules are compared. */
  readonly modules: "all" | "blocks" | "stages" | "recorded" | "none";
}

/** Every subject against the float64 reference on the same weights and inputs. */
export async function verify(job: VerifyJob): Promise<Result<Verification>> {
  const found = oneModel(job);
  if (!found.ok) return found;
  const model = found.value;
  const inputs = await inputsOf(job, model);
  if (!inputs.ok) return inputs;
  const warnings: Diagnostic[] = [];
  const weights = await openOrDraw(job.weights, model, warning => warnings.push(warning), job.binding);
  return withWeights(weights, async opened => {
    const batch = inputs.value.get("pixel_values")?.shape[0] ?? job.batch;
    const recorded = job.expect === null ? ok(null) : await recordedOf(job.expect, model, batch);
    if (!recorded.ok) return recorded;
    const named = recorded.value?.modules ?? [];
    const none = { modules: named.length > 0 ? ("recorded" as const) : ("none" as const), taps: [] };
    const { modules, taps } = job.each ? modulesWithin(model, batch) : none;
    const wanted = inNetwork(model, [...taps, ...named]);
    const names = job.gradients ? gradientsOf(model, [], undefined) : ok(null);
    if (!names.ok) return names;
    const learning = names.value && {
      dropPath: inputs.value.has("keep"),
      wanted: (name: string) => names.value?.has(name) ?? false,
    };
    const { sites } = job;
    const request = { model, batch, taps: wanted, sites, learning, weights: opened, inputs: inputs.value };
    const judged = await judge(job, request, recorded.value);
    if (!judged.ok) return judged;
    const origin = opened.origin;
    return ok({ model: model.name, batch, weights: origin, ...judged.value, modules }, [
      ...found.diagnostics,
      ...weights.diagnostics,
      ...recorded.diagnostics,
      ...warnings,
    ]);
  });
}

/** Read, or drawn: what learning takes besides too, where gradients are compared. */
async function inputsOf({ input, batch, gradients }: VerifyJob, model: Model) {
  if (input !== null) return (gradients ? readLearningInputs : readInputs)({ input, mask: null }, model);
  return gradients ? drawLearningInputs(model, batch, 1) : ok(drawInputs(model, batch, 1));
}

/** What all modules together may take: the reference and an executor hold them at once. */
const mostBytes = 512 * 2 ** 20;

/** Every module; or only blocks, or stages, where every one would take too much memory. */
function modulesWithin(
  model: Model,
  batch: number,
): Pick<Verification, "modules"> & { readonly taps: readonly string[] } {
  const all = tapsOf(model);
  const built = build(model, [...all.keys()]);
  if (!built.ok) throw new Error("a module has no tap");
  const sizes = new Map(
    built.value.outputs.map(({ name, value }) => [
      name,
      4 * elements(resolve(nodeOf(built.value, value).type.shape, batch)),
    ]),
  );
  const within = (...extents: readonly Extent[]): readonly string[] =>
    [...all].flatMap(([name, { extent }]) => (extents.includes(extent) ? [name] : []));
  const choices = [
    { modules: "all", taps: [...all.keys()] },
    { modules: "blocks", taps: within("stage", "block") },
  ] as const;
  for (const { modules, taps } of choices) {
    if (taps.reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0) <= mostBytes) return { modules, taps };
  }
  return { modules: "stages", taps: within("stage") };
}

/** What somebody else's code gave for the same inputs. */
const recordedOf = (file: string, model: Model, batch: number): Promise<Result<RecordedValues>> =>
  withTensors(file, asItIs, tensors => readRecorded(tensors, model, batch));

/** Modules in the order of the network, each once. */
const inNetwork = (model: Model, names: readonly string[]): readonly string[] => {
  const wanted = new Set(names);
  return [...tapsOf(model).keys()].filter(name => wanted.has(name));
};

type Judged = Pick<Verification, "verdicts" | "recorded" | "skipped">;

async function judge(job: VerifyJob, request: RunRequest, recorded: RecordedValues | null): Promise<Result<Judged>> {
  progress(`${request.model.name} on the float64 reference`);
  const reference = await outputsOf({ executor: "reference", form: "f32" }, job, request);
  if (!reference.ok) return reference;
  const wanted = inOrder(reference.value.outputs, request.taps);
  const limit = job.tolerance ?? precisionLimits.f32;
  const beside = recorded && {
    file: recorded.file,
    limit,
    reference: compare(recorded.values, reference.value.outputs, limit),
  };
  const verdicts: Verdict[] = [];
  const skipped: string[] = [];
  for (const subject of job.subjects) {
    progress(`${request.model.name} on ${subjectName(subject)}`);
    const verdict = await judgeOne(subject, job, request, { wanted, recorded: recorded?.values ?? null });
    if (verdict.ok) verdicts.push(verdict.value);
    else if (job.lenient) skipped.push(`${subjectName(subject)} did not run: ${verdict.diagnostics[0]?.message}`);
    else return verdict;
  }
  return ok({ verdicts, recorded: beside, skipped });
}

/** What an executor is to give: the reference's values, and such as were recorded elsewhere. */
export interface Wanted {
  readonly wanted: Outputs;
  readonly recorded: Outputs | null;
}

export async function judgeOne(
  subject: Subject,
  { adapter, tolerance, floor = 0 }: Pick<VerifyJob, "adapter" | "tolerance"> & { readonly floor?: number },
  request: RunRequest,
  { wanted, recorded }: Wanted,
): Promise<Result<Verdict>> {
  const limit = tolerance ?? (request.learning ? gradientLimit : precisionLimits[subject.form]);
  const whole = await outputsOf(subject, { adapter }, { ...request, taps: [] });
  if (!whole.ok) return whole;
  const tapped = request.taps.length === 0 ? ok(null) : await outputsOf(subject, { adapter }, request);
  if (!tapped.ok) return tapped;
  const own = new Map([...wanted].filter(([name]) => !request.taps.includes(name)));
  const { on, milliseconds, outputs } = whole.value;
  const modules = tapped.value?.outputs ?? null;
  return ok({
    ...subject,
    on,
    limit,
    milliseconds,
    whole: compare(own, outputs, limit, floor),
    each: modules && compare(wanted, modules, limit, floor),
    recorded: recorded && compare(recorded, new Map([...(modules ?? []), ...outputs]), limit, floor),
  });
}

export async function outputsOf(
  { executor, form }: Subject,
  { adapter }: Pick<VerifyJob, "adapter">,
  request: RunRequest,
) {
  const tf32 = form === "tf32";
  const execute = await executorOf(executor, { adapter, dtype: tf32 ? "f32" : form, tf32 });
  return execute(request);
}

/** Modules in the order of the network, then the model's outputs. */
function inOrder(outputs: Outputs, taps: readonly string[]): Outputs {
  const names = [...taps, ...[...outputs.keys()].filter(name => !taps.includes(name))];
  return new Map(names.flatMap(name => (outputs.has(name) ? [[name, outputs.get(name) as never] as const] : [])));
}
