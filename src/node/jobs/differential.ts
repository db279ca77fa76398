import { analyse } from "../../compile.ts";
import { type Diagnostic, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { catchingFailures } from "../../diagnostics/failure.ts";
import type { DiagnosticCode } from "../../diagnostics/messages.ts";
import { printDraft } from "../../import/print-draft.ts";
import type { Model } from "../../model/model.ts";
import type { Outputs } from "../../verify/compare.ts";
import { type Case, randomCase } from "../../verify/random-model.ts";
import { shrink } from "../../verify/shrink.ts";
import { nondegenerateWeights } from "../../weights/made/nondegenerate.ts";
import type { RunRequest } from "../executors/executor.ts";
import { paramsOf } from "../inputs/open-weights.ts";
import { drawInputs } from "../inputs/tensors.ts";
import { progress } from "../process/progress.ts";
import { type Subject, subjectName } from "./subject.ts";
import { judgeOne, outputsOf, type VerifyJob } from "./verify.ts";

export interface DifferentialJob extends Pick<VerifyJob, "subjects" | "adapter" | "tolerance"> {
  readonly count: number;
  readonly seed: number;
}

/** A generated spec on which a subject was wrong, and the smallest that it still is wrong on. */
export interface Disagreement {
  readonly seed: number;
  readonly subject: string;
  /** What was wrong: the value and its error, or why nothing came out. */
  readonly why: string;
  readonly spec: string;
  readonly batch: number;
}

export interface Differential {
  readonly specs: number;
  /** Runs of a subject on a spec. */
  readonly runs: number;
  /** The largest error that was right, of each subject. */
  readonly worst: Readonly<Record<string, number>>;
  readonly disagreements: readonly Disagreement[];
}

/** Generated specs, read as a user's are, on every subject against the reference; what fails is made small. */
export function differential({ count, seed, ...job }: DifferentialJob): Promise<Result<Differential>> {
  return catchingFailures(async () => {
    const disagreements: Disagreement[] = [];
    const worst: Record<string, number> = {};
    for (let i = 0; i < count; i++) {
      if (i % 10 === 0) progress(`${i} of ${count} specs, ${disagreements.length} disagreements`);
      const given = randomCase(seed + i);
      const prepared = await prepare(given, seed + i, job);
      for (const subject of job.subjects) {
        const { why, off, absent } = await judged(prepared, subject, job);
        if (absent !== undefined) return fail(...absent);
        const name = subjectName(subject);
        if (why === null) worst[name] = Math.max(worst[name] ?? 0, off);
        else disagreements.push(await smallest(given, seed + i, subject, job, why));
      }
    }
    return ok({ specs: count, runs: count * job.subjects.length, worst, disagreements });
  });
}

type Judging = Pick<VerifyJob, "adapter" | "tolerance">;

async function smallest(given: Case, seed: number, subject: Subject, job: Judging, why: string): Promise<Disagreement> {
  progress(`seed ${seed} is wrong on ${subjectName(subject)}, looking for the smallest spec that is`);
  const small = await shrink(
    given,
    async of => specOf(of.model) !== null && (await judged(await prepare(of, seed, job), subject, job)).why !== null,
  );
  return { seed, subject: subjectName(subject), why, spec: specOf(small.model) ?? "", batch: small.batch };
}

/** The model as a spec, if it is one. */
function specOf(model: Model): string | null {
  const text = printDraft(model, "generated");
  return text.ok && read(text.value, model.name) !== null ? text.value : null;
}

function read(text: string, name: string): Model | null {
  const analysed = analyse({ name: "generated.cnx", text }, () => null as never);
  return (analysed.ok && analysed.value.program.models.get(name)) || null;
}

/** What a case is run on, and what the reference makes of it; or why there is nothing to compare with. */
type Prepared = { readonly request: RunRequest; readonly wanted: Outputs } | { readonly why: string };

async function prepare(given: Case, seed: number, job: Judging): Promise<Prepared> {
  const spec = specOf(given.model);
  const model = spec === null ? null : read(spec, given.model.name);
  if (model === null) return { why: "the spec that was generated is wrong" };
  const params = paramsOf(model);
  if (!params.ok) return { why: said(params) };
  const { batch } = given;
  const weights = nondegenerateWeights(seed, params.value);
  const request = { model, batch, taps: [], sites: "auto", weights, inputs: drawInputs(model, batch, seed) } as const;
  const reference = await outputsOf({ executor: "reference", form: "f32" }, job, request);
  return reference.ok ? { request, wanted: reference.value.outputs } : { why: said(reference) };
}

interface Found {
  readonly why: string | null;
  readonly off: number;
  /** What this machine lacks for the subject: that is no disagreement. */
  readonly absent?: readonly Diagnostic[];
}

const absences: ReadonlySet<DiagnosticCode> = new Set(["missing-tool", "no-adapter"]);

async function judged(prepared: Prepared, subject: Subject, job: Judging): Promise<Found> {
  if ("why" in prepared) return { why: prepared.why, off: Number.NaN };
  const verdict = await judgeOne(subject, { ...job, floor: smallRms }, prepared.request, {
    wanted: prepared.wanted,
    recorded: null,
  });
  if (!verdict.ok) {
    const isAbsent = verdict.diagnostics.some(({ code }) => absences.has(code));
    return { why: said(verdict), off: Number.NaN, ...(isAbsent ? { absent: verdict.diagnostics } : {}) };
  }
  const { first, worst } = verdict.value.whole;
  const off = first?.answer === "NaN in both" ? "NaN in both" : `${first?.relL2.toExponential(1)} off`;
  return { why: first === null ? null : `'${first.name}' is ${off}`, off: worst.relL2 };
}

const said = ({ diagnostics }: Pick<Result<unknown>, "diagnostics">): string => diagnostics[0]?.message ?? "it fails";

/** A single logit, or one class of few images, may come out near zero by chance: its sum has terms near 1. */
const smallRms = 0.1;
