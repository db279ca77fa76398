import * as os from "node:os";
import { type Diagnostic, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import { candidates, measuredOf, type Shape, shapeKey, shapeOf } from "../../emit/cuda/candidates.ts";
import type { Times, TuningRow, TuningTable } from "../../emit/cuda/tuning-table.ts";
import type { Form, StorageType } from "../../model/model.ts";
import type { SiteLayout } from "../../passes/site-layout.ts";
import { nothingMeasured } from "../../plan/measured.ts";
import type { Plan } from "../../plan/plan.ts";
import { relL2 } from "../../verify/errors.ts";
import { formLimits } from "../../verify/limits.ts";
import { buildLibrary, type CudaBuild, type CudaRun, planCuda, runLibrary } from "../cuda-library.ts";
import type { RunRequest } from "../executors/executor.ts";
import { catchingFailures } from "../failure.ts";
import { type ModelChoice, oneModel } from "../one-model.ts";
import { openOrDraw } from "../open-weights.ts";
import { drawInputs } from "../run-inputs.ts";
import { type CudaMachine, runTool } from "../toolchain.ts";

export interface TuneJob extends ModelChoice {
  readonly machine: CudaMachine;
  readonly dtype: StorageType;
  readonly tf32: boolean;
  readonly batch: number;
  readonly sites: SiteLayout;
  /** A file of weights or `random:SEED`; null draws weights whose every part matters. */
  readonly weights: string | null;
  /** Most choices of a shape that are tried. */
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

/** A choice must be so much faster than the usual one to take its place: medians differ by as much between runs. */
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
  const weights = await openOrDraw(job.weights, found.value, diagnostic => whileRead.push(diagnostic));
  if (!weights.ok) return weights;
  return catchingFailures(async () => {
    try {
      const { batch, sites } = job;
      const inputs = drawInputs(found.value, batch, 1);
      const request = { model: found.value, batch, taps: [], sites, weights: weights.value, inputs };
      const tuned = await search(job, request, device.value, progress);
      const diagnostics = [...found.diagnostics, ...weights.diagnostics, ...whileRead, ...tuned.diagnostics];
      return { ...tuned, diagnostics };
    } finally {
      await weights.value.close();
    }
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

const build = (job: TuneJob, measured = nothingMeasured): CudaBuild => ({
  dtype: job.dtype,
  tf32: job.tf32,
  measured: () => measured,
});

async function search(
  job: TuneJob,
  request: RunRequest,
  device: Device,
  progress: (line: string) => void,
): Promise<Result<Tuned>> {
  const form = job.tf32 ? "tf32" : job.dtype;
  const planned = planCuda(request, build(job));
  if (!planned.ok) return planned;
  const shared = sharedBytes[device.architecture] ?? Math.min(...Object.values(sharedBytes));
  const shapes = candidates(planned.value.plan as Plan, { dtype: job.dtype, tf32: job.tf32, shared });
  const rounds = Math.min(job.candidates, Math.max(...shapes.map(({ choices }) => choices.length)));

  progress("strict f32, whose outputs the others must give");
  const strict = await measure(job.machine, request, { dtype: "f32" }, false, progress);
  if (!strict.ok) return strict;
  const skipped: string[] = [];
  const runs: (CudaRun | null)[] = [];
  for (let round = 0; round < rounds; round++) {
    progress(`choice ${round + 1} of ${rounds}`);
    const run = await measure(job.machine, request, build(job, measuredOf(shapes, round)), true, progress);
    if (!run.ok && round === 0) return run;
    const why = run.ok ? wrongness(run.value, strict.value, form) : (run.diagnostics[0]?.message ?? "");
    if (why !== null && round === 0) return fail(error("mismatch", null, `untuned kernels are wrong here: ${why}`));
    if (why !== null) skipped.push(`choice ${round + 1} was left out: ${why}`);
    runs.push(run.ok && why === null ? run.value : null);
  }

  const launches = launchesOf(planned.value.plan as Plan);
  const tunedShapes = shapes.map(shape =>
    fastest(shape, runs, launches.get(shapeKey(shape)) ?? [], { form, batch: job.batch }),
  );
  const won = tunedShapes.map(({ row }) => ({ kernel: row.kernel, shape: row.shape, choices: [row.choice] }) as Shape);
  progress("the winners together");
  const best = await measure(job.machine, request, build(job, measuredOf(won, 0)), true, progress);
  if (!best.ok) return best;
  const why = wrongness(best.value, strict.value, form);
  if (why !== null) return fail(error("mismatch", null, `the winners together are wrong: ${why}`));
  const { architecture, name } = device;
  return ok({
    table: { architecture, device: name, rows: tunedShapes.map(({ row }) => row) },
    shapes: tunedShapes,
    skipped,
    usual: (runs[0] as CudaRun).milliseconds,
    tuned: best.value.milliseconds,
    error: distance(best.value, strict.value),
  });
}

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
function wrongness(run: CudaRun, strict: CudaRun, form: Form): string | null {
  const off = distance(run, strict);
  return off <= formLimits[form]
    ? null
    : `outputs are ${off.toExponential(1)} off, more than ${formLimits[form]} for ${form}`;
}

/** Launches by the shape that a table may speak of. */
function launchesOf(plan: Plan): ReadonlyMap<string, readonly string[]> {
  const launches = new Map<string, string[]>();
  for (const step of plan.steps) {
    const shape = shapeOf(step);
    if (shape !== null) launches.set(shapeKey(shape), [...(launches.get(shapeKey(shape)) ?? []), step.name]);
  }
  return launches;
}

function fastest(
  shape: Shape,
  runs: readonly (CudaRun | null)[],
  launches: readonly string[],
  { form, batch }: { readonly form: Form; readonly batch: number },
): TunedShape {
  const timed = shape.choices.slice(0, runs.length).flatMap((choice, i) => {
    const run = runs[i];
    return run ? [{ choice, milliseconds: mean(launches.map(name => run.launches.get(name) ?? Number.NaN)) }] : [];
  });
  const [first, ...others] = timed;
  const usual = first ?? { choice: shape.choices[0], milliseconds: Number.NaN };
  const best = others.reduce(
    (a, b) => (b.milliseconds < a.milliseconds && b.milliseconds < gain * usual.milliseconds ? b : a),
    usual,
  );
  const times: Times = { milliseconds: rounded(best.milliseconds), usual: rounded(usual.milliseconds) };
  const row = { kernel: shape.kernel, shape: shape.shape, dtype: form, batch, choice: best.choice, times } as TuningRow;
  return { row, tried: timed.length, launches: launches.length };
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const rounded = (milliseconds: number): number => Number(milliseconds.toPrecision(4));
