import { performance } from "node:perf_hooks";
import { emit, type Observer, type Unit } from "../../compile.ts";
import { type Diagnostic, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import { cudaTarget } from "../../emit/cuda/target.ts";
import { type TuningTable, tunedBy } from "../../emit/cuda/tuning-table.ts";
import { onnxTarget } from "../../emit/onnx/onnx.ts";
import type { OnnxOptions, OutputFile, Target } from "../../emit/target.ts";
import { wgslTarget } from "../../emit/wgsl/target.ts";
import { explainPass } from "../../explain.ts";
import { print } from "../../graph/print.ts";
import { hostFiles } from "../../host/host-files.ts";
import { modelHash } from "../../model/hash.ts";
import { imagenet } from "../../model/imagenet.ts";
import { type Model, type StorageType, type TargetName, targetNames } from "../../model/model.ts";
import { type Request, type Selection, select } from "../../model/select.ts";
import { allPasses } from "../../passes/all.ts";
import type { SiteLayout } from "../../passes/site-layout.ts";
import { bytesMoved, scratchBytes, weightBytes } from "../../plan/cost.ts";
import { f16Params } from "../../plan/plan.ts";
import { printPlan } from "../../plan/print.ts";
import type { WebgpuProfileName } from "../../plan/tuning-profiles.ts";
import type { Weights } from "../../weights/tensor.ts";
import type { BindOptions } from "../../weights/use/bind.ts";
import { withinHalf } from "../../weights/use/within-half.ts";
import { type OpenWeights, openWeights } from "../inputs/open-weights.ts";
import { loadProgram } from "../inputs/program.ts";
import type { Provenance } from "../inputs/provenance.ts";
import { openTable } from "../inputs/tuning-table.ts";
import { version } from "../process/version.ts";

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
  /** Operators for PyTorch beside the CUDA library. */
  readonly torch: boolean;
  /** A tuning table's file or name, or null. */
  readonly cudaTuning: string | null;
  readonly tuning: WebgpuProfileName;
  /** What fits images of any size into the input is emitted too. */
  readonly preprocess: boolean;
  readonly sites: SiteLayout;
  /** Products of f32 CUDA kernels from operands rounded to TF32. */
  readonly tf32: boolean;
  /** A file of inputs on which no map of an f16 build may pass what f16 holds, or null. */
  readonly calibrate: string | null;
  /** A tensor file or `random:SEED`. */
  readonly weights: string | null;
  readonly binding: BindOptions;
}

export interface Compiled {
  readonly files: readonly OutputFile[];
  readonly spec: { readonly name: string; readonly sha256: string };
  /** For standard output. */
  readonly text: string;
  /** For standard error. */
  readonly notes: readonly string[];
  /** What the weights are, for the manifest; null where none are read from a file. */
  readonly weights: Provenance | null;
  /** One line a model and target. */
  readonly summaries: readonly string[];
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
  const { printAfter } = request;
  const printable = ["all", ...allPasses.map(({ name }) => name)];
  if (printAfter !== null && !printable.includes(printAfter))
    return fail(error("bad-option-value", null, "--print-after", printAfter, printable.join(", ")));
  const table = request.cudaTuning === null ? ok(null) : openTable(request.cudaTuning);
  if (!table.ok) return table;
  const warnings: Diagnostic[] = [];
  const problems: Diagnostic[] = [];
  const notes: string[] = [];
  const text: string[] = [];
  const units: Made[] = [];
  const models: Model[] = [];
  let provenance: Provenance | null = null;
  for (const spec of request.specs) {
    const loaded = loadProgram(spec, request.root, request.stdin);
    (loaded.ok ? warnings : problems).push(...loaded.diagnostics);
    if (!loaded.ok) continue;
    const { program, source } = loaded.value;
    if (request.emit === "ast" || request.emit === "model") {
      const shown = request.emit === "ast" ? loaded.value.files : [...program.models.values()];
      text.push(`${JSON.stringify(shown, withoutSpans, 2)}\n`);
      continue;
    }
    const requests = select(program, request.selection, targetNames, source.name);
    if (!requests.ok) {
      problems.push(...requests.diagnostics);
      continue;
    }
    const misplaced = misplacedOption(request, requests.value);
    if (misplaced !== null) {
      problems.push(misplaced);
      continue;
    }
    const several = new Set(requests.value.map(({ model }) => model.name)).size > 1;
    if (request.weights !== null && (several || request.specs.length > 1)) {
      problems.push(error("weights-need-one-model", null));
      continue;
    }
    const [first] = requests.value;
    const weights =
      request.weights === null || !first
        ? ok(null)
        : await openWeights(request.weights, first.model, report, request.binding);
    (weights.ok ? warnings : problems).push(...weights.diagnostics);
    if (!weights.ok) continue;
    if (weights.value !== null) opened.push(weights.value);
    // A stage that is printed has no manifest.
    if (request.emit === null) provenance = (await weights.value?.provenance()) ?? null;
    const checked = await checkRange(request, requests.value, weights.value);
    if (!checked.ok) {
      problems.push(...checked.diagnostics);
      continue;
    }
    notes.push(...checked.value);
    for (const one of requests.value) {
      const unit = compileOne(one, source.name, { weights: weights.value, table: table.value }, request, notes);
      (unit.ok ? warnings : problems).push(...unit.diagnostics);
      if (!unit.ok) continue;
      units.push({ ...unit.value, dtype: one.dtype });
      await checkHalfOfCuda(request, one, unit.value, weights.value);
      if (!models.includes(one.model)) models.push(one.model);
    }
  }
  problems.push(...clashes(units), ...(request.emit === null ? dtypeClashes(units) : []));
  if (problems.length > 0) return fail(...problems, ...warnings);
  const files = units.flatMap(({ model, files }) =>
    files.map(file => ({ ...file, path: `${model.name}/${file.path}` })),
  );
  return ok(
    {
      files,
      spec: { name: request.specs.map(baseName).join(", "), sha256: modelHash(models) },
      text: text.join("") + stageText(request.emit, units),
      notes,
      weights: provenance,
      summaries: units.map(summarise),
    },
    warnings,
  );
}

/** CUDA's library packs its weights when it is loaded; what f16 does to them is told here nevertheless. */
async function checkHalfOfCuda(
  { emit: stage }: CompileRequest,
  { target, dtype }: Request,
  { plan }: Unit,
  weights: Weights | null,
): Promise<void> {
  if (stage !== null || target !== "cuda" || dtype !== "f16" || plan === null || weights === null) return;
  const stored = f16Params(plan);
  const checked = withinHalf(weights, stored);
  for (const name of stored) await checked.f32(name);
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

function compileOne(
  { model, target, dtype, batch }: Request,
  spec: string,
  { weights, table }: { readonly weights: Weights | null; readonly table: TuningTable | null },
  request: CompileRequest,
  notes: string[],
): Result<Unit> {
  const targets: { readonly [K in TargetName]: Target } = {
    wgsl: wgslTarget(request.tuning, dtype === "f16", hostFiles),
    onnx: onnxTarget(dtype === "f16"),
    cuda: cudaTarget(dtype, {
      tf32: request.tf32,
      torch: request.torch,
      ...(table === null ? {} : { tuned: batch => tunedBy(table, request.tf32 ? "tf32" : dtype, batch) }),
    }),
  };
  const context = {
    weights,
    specHash: modelHash([model]),
    specName: baseName(spec),
    version,
    onnx: request.onnx,
    preprocess: request.preprocess,
  };
  const found = targets[target as keyof typeof targets];
  return emit(
    { model, target: found, batch, taps: [], sites: request.sites, context },
    observer(model, target, request, notes),
  );
}

/** Options of targets that are not made, or of other models; TF32 is also a way to multiply f32 alone. */
function misplacedOption(
  { tf32, torch, cudaTuning, preprocess }: Pick<CompileRequest, "tf32" | "torch" | "cudaTuning" | "preprocess">,
  requests: readonly Request[],
): Diagnostic | null {
  const narrow = requests.find(({ dtype }) => dtype !== "f32");
  if (tf32 && narrow) return error("tf32-misplaced", null, narrow.dtype, "--dtype f32");
  const targets = [...new Set(requests.map(({ target }) => target))];
  // Only of RGB is a preprocessing published.
  const other = requests.find(({ model }) => model.input.channels !== imagenet.mean.length);
  if (preprocess && other) return error("preprocess-channels", null, other.model.name, other.model.input.channels);
  if (preprocess && targets.every(target => target === "cuda"))
    return error("preprocess-misplaced", null, "--target cuda alone", "--target wgsl or onnx");
  if (targets.includes("cuda")) return null;
  if (tf32) return error("tf32-misplaced", null, `for ${targets.join(" and ")}`, "--target cuda");
  if (cudaTuning !== null) return error("cuda-tuning-misplaced", null, targets.join(" and "));
  return torch ? error("torch-misplaced", null, targets.join(" and ")) : null;
}

/** What `--print-after`, `--time` and `--explain` see. */
function observer(model: Model, target: string, request: CompileRequest, notes: string[]): Observer {
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

interface Made extends Unit {
  readonly dtype: StorageType;
}

/** Files of one model and target that two dtypes write under one name. */
function dtypeClashes(units: readonly Made[]): readonly Diagnostic[] {
  const seen = new Map<string, Made>();
  const found = new Map<string, Diagnostic>();
  for (const unit of units) {
    const { model, target, dtype, files } = unit;
    for (const { path } of files) {
      const key = `${model.name}/${target}/${path}`;
      const other = seen.get(key);
      const which = `${model.name}/${target}`;
      if (other !== undefined && other.dtype !== dtype && !found.has(which))
        found.set(which, error("dtype-clash", null, model.name, target, other.dtype, dtype, path));
      seen.set(key, unit);
    }
  }
  return [...found.values()];
}

/** Models of one name from two specs would write over each other. */
function clashes(units: readonly Unit[]): readonly Diagnostic[] {
  const seen = new Map<string, Model>();
  const found = new Map<string, Diagnostic>();
  for (const { model } of units) {
    const key = model.name.toLowerCase();
    const other = seen.get(key);
    if (other && other !== model) found.set(key, error("output-clash", model.span, model.name));
    seen.set(key, model);
  }
  return [...found.values()];
}

const stages: { readonly [K in EmitKind]: (unit: Unit) => string } = {
  ast: () => "",
  model: () => "",
  graph: unit => print(unit.graph),
  plan: unit => (unit.plan ? printPlan(unit.plan) : ""),
  files: unit => unit.files.map(file => `${unit.model.name}/${file.path}\n`).join(""),
};

const stageText = (stage: EmitKind | null, units: readonly Unit[]): string =>
  stage === null ? "" : units.map(stages[stage]).join("");

/** What a step of a plan is called where it runs. */
const stepNames: Readonly<Record<string, string>> = { wgsl: "dispatches", cuda: "launches" };

function summarise({ model, target, plan, graph }: Unit): string {
  const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  if (plan === null) return `${model.name} ${target}: ${graph.nodes.size} values`;
  return (
    `${model.name} ${target}: ${plan.steps.length} ${stepNames[target]}, ${mb(weightBytes(plan))} of weights, ` +
    `${mb(scratchBytes(plan))} of scratch and ${mb(bytesMoved(plan))} moved an image`
  );
}
