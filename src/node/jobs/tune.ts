import * as os from "node:os";
import { type Diagnostic, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import {
  candidates,
  choicesAt,
  mlpCandidates,
  shapeKey,
  shapeOf,
  type TunableShape,
} from "../../emit/cuda/candidates.ts";
import type { Times, TuningRow, TuningTable } from "../../emit/cuda/tuning-table.ts";
import type { Precision, StorageType } from "../../model/model.ts";
import type { SiteLayout } from "../../passes/site-layout.ts";
import type { Plan } from "../../plan/plan.ts";
import { untuned } from "../../plan/tiles/tuned-choices.ts";
import { relL2 } from "../../verify/errors.ts";
import { precisionLimits } from "../../verify/precision-limits.ts";
import { buildLibrary, type CudaBuild, type CudaRun, planCuda, runLibrary } from "../executors/cuda-library.ts";
import type { RunRequest } from "../executors/executor.ts";
import { type CudaMachine, runTool } from "../executors/toolchain.ts";
import { type ModelChoice, oneModel } from "../inputs/one-model.ts";
import { openOrDraw, type WeightsOptions, withWeights } from "../inputs/open-weights.ts";
import { drawInputs } from "../inputs/tensors.ts";

export interface TuneJob extends ModelChoice {
  readonly machine: CudaMachine;
  readonly dtype: StorageType;
  readonly tf32: boolean;
  readonly batch: number;
  readonly sites: SiteLayout;
  /** A file of weights or `random:SEED`; null draws weights whose every part matters. */
  readonly weights: string | null;
  readonly binding: WeightsOptions;
  /** Most candidates of a shape that are tried. */
  readonly candidates: number;
}

/** One shape as it came out. */
export interface TunedShape {
  readonly row: TuningRow;
  /** Choices whose times are known, of those that were tried. */
  readonly tried: number;
  readonly launches: number;
}

export interface Tuned {
  readonly table: TuningTable;
  readonly shapes: readonly TunedShape[];
  /** Why rounds of choices were left out. */
  readonly skipped: readonly string[];
  /** Milliseconds of a whole pass. */
  readonly usual: number;
  readonly tuned: number;
  /** Distance of the tuned build's outputs from those of strict f32, relative in l2. */
  readonly error: number;
}

/** A choice must be so much faster than the default one to take its place: medians differ by as much between runs. */
const gain = 0.98;

/** Bytes of shared memory that a block may have; what is not listed has the least of those that are. */
const sharedBytes: Readonly<Record<string, number>> = {
  sm_80: 166_912,
  sm_86: 101_376,
  sm_87: 166_912,
  sm_89: 101_376,
  sm_90: 232_448,
  sm_100: 232_448,
  sm_103: 232_448,
  sm_120: 101_376,
};

/**
 * Builds a library for each round of choices, times every launch, and takes for each shape the fastest whose library
 * gives the right outputs. The library of all winners is built and checked again.
 */
export async function tune(job: TuneJob, progress: (line: string) => void): Promise<Result<Tuned>> {
  const found = oneModel(job);
  if (!found.ok) return found;
  const device = await deviceOf(job.machine);
  if (!device.ok) return device;
  const whileRead: Diagnostic[] = [];
  const weights = await openOrDraw(job.weights, found.value, diagnostic => whileRead.push(diagnostic), job.binding);
  return withWeights(weights, async opened => {
    const { batch, sites } = job;
    const inputs = drawInputs(found.value, batch, 1);
    const request = { model: found.value, batch, taps: [], sites, weights: opened, inputs };
    const tuned = await search(job, request, device.value, progress);
    const diagnostics = [...found.diagnostics, ...weights.diagnostics, ...whileRead, ...tuned.diagnostics];
    return { ...tuned, diagnostics };
  });
}

interface Device {
  readonly name: string;
  readonly architecture: string;
}

async function deviceOf(machine: CudaMachine): Promise<Result<Device>> {
  if (machine === "cpu") return ok({ name: os.cpus()[0]?.model ?? "CPU", architecture: "cpu" });
  const asked = await runTool("nvidia-smi", ["--query-gpu=name,compute_cap", "--format=csv,noheader"]);
  const [name = "", capability = ""] = (asked?.stdout.split("\n")[0] ?? "").split(", ");
  if (asked?.code !== 0 || capability === "")
    return fail(
      error("missing-tool", null, "a CUDA device with its driver", "tuning CUDA kernels", "run it where there is one"),
    );
  return ok({ name, architecture: `sm_${capability.trim().replace(".", "")}` });
}

const build = (job: TuneJob, tuned = untuned): CudaBuild => ({
  dtype: job.dtype,
  tf32: job.tf32,
  tuned: () => tuned,
});

async function search(
  job: TuneJob,
  request: RunRequest,
  device: Device,
  progress: (line: string) => void,
): Promise<Result<Tuned>> {
  const form: Precision = job.tf32 ? "tf32" : job.dtype;
  const planned = planCuda(request, build(job));
  if (!planned.ok) return planned;
  const plan = planned.value.plan as Plan;
  const shared = sharedBytes[device.architecture] ?? Math.min(...Object.values(sharedBytes));

  progress("strict f32, whose outputs the others must give");
  const strict = await measure(job.machine, request, { dtype: "f32" }, false, progress);
  if (!strict.ok) return strict;
  const skipped: string[] = [];
  const attempt = async (
    shapes: readonly TunableShape[],
    round: number,
    what: string,
  ): Promise<Result<CudaRun | null>> => {
    progress(what);
    const run = await measure(job.machine, request, build(job, choicesAt(shapes, round)), true, progress);
    const why = run.ok ? wrongness(run.value, strict.value, form) : (run.diagnostics[0]?.message ?? "");
    if (why === null) return run;
    if (round === 0) return run.ok ? fail(error("mismatch", null, `${what} give wrong results here: ${why}`)) : run;
    skipped.push(`${what} was left out: ${why}`);
    return ok(null);
  };
  /** Every round of choices in turn; the first must be right, since it is what the others stand beside. */
  const attempts = async (
    fixed: readonly TunableShape[],
    shapes: readonly TunableShape[],
    what: (round: number, of: number) => string,
  ): Promise<Result<readonly (CudaRun | null)[]>> => {
    const rounds = Math.min(job.candidates, Math.max(1, ...shapes.map(({ candidates }) => candidates.length)));
    const runs: (CudaRun | null)[] = [];
    for (let round = 0; round < rounds; round++) {
      const run = await attempt([...fixed, ...shapes], round, what(round, rounds));
      if (!run.ok) return run;
      runs.push(run.value);
    }
    return ok(runs);
  };

  const shapes = candidates(plan, shared);
  const runs = await attempts([], shapes, (round, rounds) =>
    round === 0 ? "the kernels as they are untuned" : `choice ${round + 1} of ${rounds}`,
  );
  if (!runs.ok) return runs;
  const launches = launchesOf(plan);
  const of = { form, batch: job.batch };
  const kernels = shapes.map(shape => fastest(shape, runs.value, launches.get(shapeKey(shape)) ?? [], of));

  const pairs = mlpCandidates(plan, shared);
  const won = kernels.map(({ row }) => shapeOfRow(row));
  const whole = await attempts(
    won,
    pairs.map(pair => pair.of),
    (round, rounds) =>
      round === 0 ? "the winners together" : `values between linears made anew, way ${round} of ${rounds - 1}`,
  );
  if (!whole.ok) return whole;
  const mlps = pairs.map(pair => fastest(pair.of, whole.value, pair.launches, of));
  const rows = [...kernels, ...mlps].map(({ row }) => row);
  const stored = mlps.every(({ row }) => row.kernel === "mlp" && row.choice.wide === "stored");
  const best = stored ? ok(whole.value[0]) : await attempt(rows.map(shapeOfRow), 0, "the winners of both together");
  if (!best.ok) return best;
  const { architecture, name } = device;
  const tuned = best.value as CudaRun;
  return ok({
    table: { architecture, device: name, rows },
    shapes: [...kernels, ...mlps],
    skipped,
    usual: (runs.value[0] as CudaRun).milliseconds,
    tuned: tuned.milliseconds,
    error: distance(tuned, strict.value),
  });
}

const shapeOfRow = ({ kernel, shape, choice }: TuningRow): TunableShape =>
  ({ kernel, shape, candidates: [choice] }) as TunableShape;

async function measure(
  machine: CudaMachine,
  request: RunRequest,
  of: CudaBuild,
  times: boolean,
  progress: (line: string) => void,
): Promise<Result<CudaRun>> {
  const library = await buildLibrary(machine, request, of, progress);
  return library.ok ? runLibrary(library.value, request, times) : library;
}

/** The largest distance of an output from the same of strict f32. */
const distance = (run: CudaRun, strict: CudaRun): number =>
  Math.max(...[...strict.outputs].map(([name, { data }]) => relL2(run.outputs.get(name)?.data ?? [], data)));

/** Why a run's outputs are wrong, or null. */
function wrongness(run: CudaRun, strict: CudaRun, form: Precision): string | null {
  const off = distance(run, strict);
  return off <= precisionLimits[form]
    ? null
    : `outputs are ${off.toExponential(1)} off, more than ${precisionLimits[form]} for ${form}`;
}

/** Launches by the shape that a table may speak of, each alone. */
function launchesOf(plan: Plan): ReadonlyMap<string, readonly (readonly string[])[]> {
  const launches = new Map<string, (readonly string[])[]>();
  for (const step of plan.steps) {
    const shape = shapeOf(step);
    if (shape !== null) launches.set(shapeKey(shape), [...(launches.get(shapeKey(shape)) ?? []), [step.name]]);
  }
  return launches;
}

/** The choice of a shape whose launches, those that belong together added up, take the least. */
function fastest(
  shape: TunableShape,
  runs: readonly (CudaRun | null)[],
  launches: readonly (readonly string[])[],
  { form, batch }: { readonly form: Precision; readonly batch: number },
): TunedShape {
  const timed = shape.candidates.slice(0, runs.length).flatMap((choice, i) => {
    const run = runs[i];
    const of = (names: readonly string[]) =>
      names.reduce((sum, name) => sum + (run?.launches.get(name) ?? Number.NaN), 0);
    return run ? [{ choice, milliseconds: mean(launches.map(of)) }] : [];
  });
  const [first, ...others] = timed;
  const byDefault = first ?? { choice: shape.candidates[0], milliseconds: Number.NaN };
  const best = others.reduce(
    (a, b) => (b.milliseconds < a.milliseconds && b.milliseconds < gain * byDefault.milliseconds ? b : a),
    byDefault,
  );
  const times: Times = { milliseconds: rounded(best.milliseconds), usual: rounded(byDefault.milliseconds) };
  const row = { kernel: shape.kernel, shape: shape.shape, dtype: form, batch, choice: best.choice, times } as TuningRow;
  return { row, tried: timed.length, launches: launches.flat().length };
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const rounded = (milliseconds: number): number => Number(milliseconds.toPrecision(4));
