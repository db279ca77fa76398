import { createHash } from "node:crypto";
import { performance } from "node:perf_hooks";
import { analyse, type Compilation, compile, type Observer, type Unit } from "../../compile.ts";
import { type Diagnostic, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import { cudaTarget } from "../../emit/cuda/target.ts";
import { type TuningTable, tunedBy } from "../../emit/cuda/tuning-table.ts";
import { onnxTarget } from "../../emit/onnx/onnx.ts";
import type { FileHash, KernelTarget, OnnxOptions, OutputFile, Target } from "../../emit/target.ts";
import { wgslTarget } from "../../emit/wgsl/target.ts";
import { explainPass } from "../../explain.ts";
import { print } from "../../graph/print.ts";
import { hostFiles } from "../../host/host-files.ts";
import { modelHash } from "../../model/hash.ts";
import type { TargetName } from "../../model/model.ts";
import { isF16, type Request, type Selection } from "../../model/select.ts";
import { allPasses } from "../../passes/all.ts";
import type { SiteLayout } from "../../passes/site-layout.ts";
import { bytesMoved, scratchBytes, weightBytes } from "../../plan/cost.ts";
import { printPlan } from "../../plan/print.ts";
import type { WebgpuProfileName } from "../../plan/tiles/tuning-profiles.ts";
import type { Weights } from "../../weights/tensor.ts";
import { readSpec } from "../files/read.ts";
import { importReader } from "../inputs/import-reader.ts";
import { type OpenWeights, openWeights, type WeightsOptions } from "../inputs/open-weights.ts";
import type { Provenance } from "../inputs/provenance.ts";
import { openTable } from "../inputs/tuning-table.ts";
import { version } from "../process/version.ts";
import { clashes, misplacedOption } from "./compile-problems.ts";

export const emitKinds = ["ast", "model", "graph", "plan", "files"] as const;
export type EmitKind = (typeof emitKinds)[number];

export interface CompileRequest {
  readonly specs: readonly string[];
  /** What the spec `-` holds. */
  readonly stdin: Uint8Array | null;
  readonly root: string | null;
  readonly selection: Selection;
  /** Print a stage instead of making files. */
  readonly emit: EmitKind | null;
  /** A pass's name, `all`, or null. */
  readonly printAfter: string | null;
  readonly time: boolean;
  readonly explain: boolean;
  readonly onnx: OnnxOptions;
  /** Operators for PyTorch beside the CUDA library, and beside what trains. */
  readonly torch: boolean;
  /** A tuning table's file or name, or null. */
  readonly cudaTuning: string | null;
  /** Tiles of WGSL kernels: of one kind of adapter, or `auto`: of GPUs, and beside them of software adapters. */
  readonly tuning: WebgpuProfileName | "auto";
  /** What fits images of any size into the input is emitted too. */
  readonly preprocess: boolean;
  /** The host module, kernels and runtime as one file too. */
  readonly bundle: boolean;
  readonly sites: SiteLayout;
  /** Products of f32 CUDA kernels from operands rounded to TF32. */
  readonly tf32: boolean;
  /** A file of inputs on which no map of an f16 build may pass what f16 holds, or null. */
  readonly calibrate: string | null;
  /** A tensor file or `random:SEED`. */
  readonly weights: string | null;
  readonly binding: WeightsOptions;
}

export interface Compiled {
  readonly files: readonly OutputFile[];
  readonly specs: readonly CompiledSpec[];
  /** For standard output. */
  readonly text: string;
  /** For standard error. */
  readonly notes: readonly string[];
  /** What the weights are, for the manifest; null where none are read from a file. */
  readonly weights: Provenance | null;
  /** One line a model and target. */
  readonly summaries: readonly string[];
}

/** A spec, and the models of it that were compiled. */
export interface CompiledSpec {
  /** The file, or - for standard input. */
  readonly spec: string;
  readonly name: string;
  readonly sha256: string;
  readonly models: readonly string[];
}

/** The same with files of weights still open: they are read while the contents are written. */
export interface CompiledOpen extends Compiled {
  readonly close: () => Promise<void>;
}

/**
 * Specs to files, all in memory: contents of large weights are read while they are written, and what is wrong with them
 * is reported then. Whoever has written them closes what they are read from.
 */
export async function compileSpecs(
  request: CompileRequest,
  report: (diagnostic: Diagnostic) => void,
): Promise<Result<CompiledOpen>> {
  const opened: OpenWeights[] = [];
  const close = async () => {
    for (const weights of opened) await weights.close();
  };
  let compiled: Result<Compiled> = fail();
  try {
    compiled = await compileOpening(request, report, opened);
  } finally {
    if (!compiled.ok) await close();
  }
  return compiled.ok ? ok({ ...compiled.value, close }, compiled.diagnostics) : compiled;
}

async function compileOpening(
  request: CompileRequest,
  report: (diagnostic: Diagnostic) => void,
  opened: OpenWeights[],
): Promise<Result<Compiled>> {
  const { printAfter, specs } = request;
  const printable = ["all", ...allPasses.map(({ name }) => name)];
  if (printAfter !== null && !printable.includes(printAfter))
    return fail(error("bad-option-value", null, "--print-after", printAfter, printable.join(", ")));
  const table = request.cudaTuning === null ? ok(null) : openTable(request.cudaTuning);
  if (!table.ok) return table;

  const compiled: Result<SpecCompiled>[] = [];
  for (const spec of specs) compiled.push(await compileSpec(spec, { request, table: table.value, report, opened }));
  const made = compiled.flatMap(one => (one.ok ? [one.value] : []));
  const units = made.flatMap(one => one.units);
  const problems = [...compiled.flatMap(one => (one.ok ? [] : one.diagnostics)), ...clashes(units)];
  const warnings = compiled.flatMap(one => (one.ok ? one.diagnostics : []));
  if (problems.length > 0) return fail(...problems, ...warnings);
  return ok(
    {
      files: made.flatMap(one => one.files),
      specs: specs.map((spec, i) => describeSpec(spec, made[i]?.units ?? [])),
      text: made.map(({ text }) => text).join("") + stageText(request.emit, units),
      notes: made.flatMap(one => one.notes),
      weights: made.find(({ provenance }) => provenance !== null)?.provenance ?? null,
      summaries: units.map(unit => summarise(unit, request.weights !== null)),
    },
    warnings,
  );
}

function describeSpec(spec: string, units: readonly Unit[]): CompiledSpec {
  const models = [...new Set(units.map(({ model }) => model))];
  return { spec, name: baseName(spec), sha256: modelHash(models), models: models.map(({ name }) => name) };
}

/** What all specs of a command share. */
interface Job {
  readonly request: CompileRequest;
  readonly table: TuningTable | null;
  readonly report: (diagnostic: Diagnostic) => void;
  readonly opened: OpenWeights[];
}

/** What one spec became. */
interface SpecCompiled extends Pick<Compilation, "units" | "files"> {
  readonly text: string;
  readonly notes: readonly string[];
  readonly provenance: Provenance | null;
}

async function compileSpec(spec: string, job: Job): Promise<Result<SpecCompiled>> {
  const { request, table } = job;
  const { emit, sites, selection } = request;
  const source = readSpec(spec, request.stdin);
  if (!source.ok) return source;
  const read = importReader(spec, request.root);
  if (emit === "ast" || emit === "model") {
    const analysed = analyse(source.value, read);
    if (!analysed.ok) return analysed;
    const shown = emit === "ast" ? analysed.value.files : [...analysed.value.program.models.values()];
    const text = `${JSON.stringify(shown, withoutSpans, 2)}\n`;
    return ok({ units: [], files: [], text, notes: [], provenance: null }, analysed.diagnostics);
  }

  const notes: string[] = [];
  let provenance: Provenance | null = null;
  const compiled = await compile(source.value, read, {
    selection,
    sites,
    targetOf: one => targetOf(one, request, table),
    trainerOf: one => trainerOf(one, request, table),
    observe: one => observer(one, request, notes),
    prepare: async requests => {
      const prepared = await prepare(requests, job);
      if (!prepared.ok) return prepared;
      ({ provenance } = prepared.value);
      notes.push(...prepared.value.notes);
      const { onnx, preprocess, bundle } = request;
      const { weights } = prepared.value;
      const about = { specName: baseName(spec), version, newHash };
      return ok({ weights, ...about, onnx, preprocess, bundle }, prepared.diagnostics);
    },
  });
  if (!compiled.ok) return fail(...source.diagnostics, ...compiled.diagnostics);
  const { units, files } = compiled.value;
  return ok({ units, files, text: "", notes, provenance }, [...source.diagnostics, ...compiled.diagnostics]);
}

const newHash = (): FileHash => {
  const hash = createHash("sha256");
  return { update: bytes => void hash.update(bytes), digest: () => hash.digest("hex") };
};

/** What the options of a command say of the models, once it is clear which: their weights, and what f16 does to them. */
async function prepare(requests: readonly Request[], { request, report, opened }: Job) {
  const misplaced = misplacedOption(request, requests);
  if (misplaced !== null) return fail(misplaced);
  const models = new Set(requests.map(({ model }) => model));
  if (request.weights !== null && (models.size > 1 || request.specs.length > 1))
    return fail(error("weights-need-one-model", null));
  const [model] = models;
  const weights =
    request.weights === null || model === undefined
      ? ok(null)
      : await openWeights(request.weights, model, report, request.binding);
  if (!weights.ok) return weights;
  if (weights.value !== null) opened.push(weights.value);
  const notes = await checkRange(request, requests, weights.value);
  if (!notes.ok) return notes;
  // A stage that is printed has no manifest.
  const provenance = request.emit === null ? ((await weights.value?.provenance()) ?? null) : null;
  return ok({ weights: weights.value, notes: notes.value, provenance }, weights.diagnostics);
}

/** What the inputs given for it say of an f16 build; nothing where none are given. */
async function checkRange(
  { calibrate: input }: CompileRequest,
  requests: readonly Request[],
  weights: Weights | null,
): Promise<Result<readonly string[]>> {
  if (input === null) return ok([]);
  const half = requests.find(({ dtype }) => dtype === "f16");
  if (!half) return fail(error("calibrate-misplaced", null, "a build in f16: give --dtype f16"));
  if (weights === null) return fail(error("calibrate-misplaced", null, "weights: give --weights"));
  const { checkActivationRange } = await import("./activation-range.ts");
  const found = await checkActivationRange(half.model, weights, input);
  if (!found.ok) return found;
  const { module, value } = found.value;
  return ok([
    `${half.model.name}: the largest value in 16 bits is ${value.toPrecision(4)}, of '${module}'; f16 ends at 65504`,
  ]);
}

/** The same with all contents in memory, to be handed from one thread to another. */
export async function compileWhole(request: CompileRequest): Promise<Result<Compiled>> {
  const whileRead: Diagnostic[] = [];
  const compiled = await compileSpecs(request, diagnostic => whileRead.push(diagnostic));
  if (!compiled.ok) return compiled;
  const { close, ...rest } = compiled.value;
  try {
    const files: OutputFile[] = [];
    for (const { path, contents } of rest.files) {
      const whole = typeof contents === "string" || contents instanceof Uint8Array;
      files.push({ path, contents: whole ? contents : await gather(contents) });
    }
    return ok({ ...rest, files }, [...compiled.diagnostics, ...whileRead]);
  } finally {
    await close();
  }
}

async function gather(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of chunks) parts.push(part);
  return new Uint8Array(Buffer.concat(parts));
}

const withoutSpans = (key: string, value: unknown): unknown => (key === "span" || key === "source" ? undefined : value);
const baseName = (file: string): string => (file === "-" ? "standard input" : (file.split(/[\\/]/).at(-1) ?? file));

const tilesOf = (tuning: CompileRequest["tuning"]): WebgpuProfileName => (tuning === "auto" ? "gpu" : tuning);

function targetOf({ target, dtype }: Request, request: CompileRequest, table: TuningTable | null): Target {
  const { tf32, torch, tuning } = request;
  const targets: { readonly [K in TargetName]: () => Target } = {
    wgsl: () => wgslTarget(tilesOf(tuning), isF16[dtype], hostFiles, tuning === "auto"),
    onnx: () => onnxTarget(isF16[dtype]),
    cuda: () =>
      cudaTarget(dtype, {
        tf32,
        torch,
        ...(table === null ? {} : { tuned: batch => tunedBy(table, tf32 ? "tf32" : dtype, batch) }),
      }),
  };
  return targets[target]();
}

/** What trains a model for a target: on WebGPU all in f32, on CUDA as the model is built. */
function trainerOf(one: Request, request: CompileRequest, table: TuningTable | null): KernelTarget | null {
  const target = one.target === "wgsl" ? wgslTarget(tilesOf(request.tuning), false) : targetOf(one, request, table);
  return target.takes === "plan" ? target : null;
}

/** What `--print-after`, `--time` and `--explain` see. */
function observer({ model, target }: Request, request: CompileRequest, notes: string[]): Observer {
  let last = performance.now();
  const lap = (what: string): void => {
    const now = performance.now();
    if (request.time) notes.push(`${model.name} ${target} ${what}: ${(now - last).toFixed(1)} ms`);
    last = performance.now();
  };
  return {
    graph: () => lap("build"),
    pass: (pass, before, after) => {
      lap(pass.name);
      if (request.printAfter === pass.name || request.printAfter === "all")
        notes.push(`after ${pass.name}:\n${print(after)}`);
      if (request.explain)
        notes.push(...explainPass(pass, before, after).map(line => `${model.name} ${target} ${line}`));
      last = performance.now();
    },
    plan: () => lap("schedule"),
  };
}

type Compiling = Compilation["units"][number];

const stages: { readonly [K in EmitKind]: (unit: Compiling) => string } = {
  ast: () => "",
  model: () => "",
  graph: unit => print(unit.graph),
  plan: unit => (unit.plan ? printPlan(unit.plan) : ""),
  files: unit => unit.files.map(file => `${unit.folder}/${file.path}\n`).join(""),
};

const stageText = (stage: EmitKind | null, units: readonly Compiling[]): string =>
  stage === null ? "" : units.map(stages[stage]).join("");

/** What a step of a plan is called where it runs. */
const stepNames: { readonly [K in TargetName]: string } = { wgsl: "dispatches", onnx: "operators", cuda: "launches" };

function summarise({ model, target, plan, graph }: Unit, weighted: boolean): string {
  const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  // A runtime loads no such graph, and says so in words of its own.
  const without = weighted ? "" : ", without weights; --weights puts them in";
  if (plan === null) return `${model.name} ${target}: ${graph.nodes.size} values${without}`;
  return (
    `${model.name} ${target}: ${plan.steps.length} ${stepNames[target]}, ${mb(weightBytes(plan))} of weights, ` +
    `${mb(scratchBytes(plan))} of scratch and ${mb(bytesMoved(plan))} moved an image`
  );
}
