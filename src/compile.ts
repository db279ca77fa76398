import { type Diagnostic, fail, ok, type Result, type Source } from "./diagnostics/diagnostic.ts";
import { type EmitContext, type KernelTarget, learningOps, type OutputFile, type Target } from "./emit/target.ts";
import { build, type Learning } from "./graph/build.ts";
import type { Graph } from "./graph/graph.ts";
import { verify } from "./graph/verify.ts";
import { check } from "./model/check.ts";
import { modelHash } from "./model/hash.ts";
import { lossScale } from "./model/loss-scale.ts";
import { type Batch, type Model, type Program, type Recipe, type TargetName, targetNames } from "./model/model.ts";
import { type Request, type Selection, select } from "./model/select.ts";
import { gradientPasses, learningGroupingPasses } from "./passes/all.ts";
import { compactLoss } from "./passes/compact-loss.ts";
import { compactSitesAs } from "./passes/compact-sites.ts";
import { type Pass, type PassObserver, runPasses } from "./passes/pass.ts";
import { rematerialise } from "./passes/rematerialise.ts";
import type { SiteLayout } from "./passes/site-layout.ts";
import { splitGrn } from "./passes/split-grn.ts";
import { place } from "./plan/place.ts";
import type { Plan } from "./plan/plan.ts";
import { schedule } from "./plan/schedule.ts";
import { runSchedulePasses, type SchedulePassObserver } from "./plan/schedule-pass.ts";
import { verifyPlan } from "./plan/verify.ts";
import type { Ast } from "./syntax/ast.ts";
import { load, type ReadImport } from "./syntax/load.ts";

/** Watches the compilation; printing, timing and explaining are observers. */
export interface Observer extends PassObserver, SchedulePassObserver {
  readonly graph?: (graph: Graph, model: Model) => void;
  readonly plan?: (plan: Plan, model: Model) => void;
}

/** A spec, and all that it declares and imports. */
export interface Analysis {
  /** The spec and what it imports, the spec last. */
  readonly files: readonly Ast[];
  readonly program: Program;
}

/** Text to checked models: everything that is wrong with a spec is found here. */
export function analyse(root: Source, read: ReadImport): Result<Analysis> {
  const files = load(root, read);
  if (!files.ok) return files;
  const program = check(files.value);
  const diagnostics = [...files.diagnostics, ...program.diagnostics];
  return program.ok ? ok({ files: files.value, program: program.value }, diagnostics) : fail(...diagnostics);
}

/** A model, and what decides how it is computed. */
export interface Planning<T extends Target = KernelTarget> {
  readonly model: Model;
  readonly target: T;
  readonly batch: Batch;
  /** Module paths whose outputs become outputs of the graph besides the model's own: `stages.0`. */
  readonly taps?: readonly string[];
  /** How the stages of a masked encoder are computed; `auto` where it is left out. */
  readonly sites?: SiteLayout | undefined;
  /** Its gradients are wanted too, of the loss, or where it has none of its outputs. */
  readonly learning?: Gradients | null | undefined;
}

export interface Gradients extends Learning {
  /** Parameters and inputs whose gradients are wanted; what they do not depend on costs nothing. */
  readonly wanted: (name: string, isParam: boolean) => boolean;
  /** They are those of the loss times so much; 1 where it is left out. */
  readonly lossScale?: number;
}

/** A checked model to the graph that a target takes. */
export function lower(
  { model, target, taps = [], sites = "auto", learning = null }: Omit<Planning<Target>, "batch">,
  observer: Observer = {},
): Result<Graph> {
  const built = build(model, taps, learning);
  if (!built.ok) return built;
  observer.graph?.(built.value, model);

  const loss = sites === "masked" ? [] : [compactLoss];
  const learns = learning === null ? [] : [...loss, ...gradientsOf(learning), rematerialise];
  const groups = learning === null ? target.grouping : [...target.grouping, ...learningGroupingPasses];
  const passes = [compactSitesAs(sites), ...target.rewriting, ...learns, ...groups];
  const legal = learning === null ? target.legal : learningOps;
  return ok(verify(runPasses(built.value, passes, observer), target.name, legal), built.diagnostics);
}

/**
 * The network with its gradients, as it is built but for GRN and LayerNorm, which are split: what the reference evaluates,
 * and what says which inputs learning takes.
 */
export function differentiated(model: Model, taps: readonly string[], learning: Gradients): Result<Graph> {
  const built = build(model, taps, learning);
  return built.ok ? ok(runPasses(built.value, [splitGrn, ...gradientsOf(learning)]), built.diagnostics) : built;
}

const gradientsOf = ({ wanted, lossScale }: Gradients): readonly Pass[] =>
  gradientPasses(({ id, op }) => wanted(id, op === "param"), lossScale);

export interface Planned {
  readonly graph: Graph;
  readonly plan: Plan;
}

/** A checked model to a target's kernels, their operands and memory. What can still be wrong is a limit of the target. */
export function plan(planning: Planning, observer: Observer = {}): Result<Planned> {
  const graph = lower(planning, observer);
  return graph.ok ? planGraph(graph.value, planning, observer, graph.diagnostics) : graph;
}

/** The same of a graph that is lowered: targets that differ in tiles alone plan one graph. */
function planGraph(
  graph: Graph,
  { model, target, batch }: Pick<Planning, "model" | "target" | "batch">,
  observer: Observer = {},
  diagnostics: readonly Diagnostic[] = [],
): Result<Planned> {
  const scheduled = schedule(graph, batch, target.profile(batch));
  const passed = runSchedulePasses(scheduled, target.schedulePasses(batch), observer);
  const placed = verifyPlan(place(passed, target), target.memory);
  observer.plan?.(placed, model);
  const problems = target.problems(placed);
  return problems.length > 0 ? fail(...problems) : ok({ graph, plan: placed }, diagnostics);
}

/** What one model became for one target. */
export interface Unit {
  readonly model: Model;
  readonly target: TargetName;
  readonly graph: Graph;
  /** Null for targets that take the graph. */
  readonly plan: Plan | null;
  readonly files: readonly OutputFile[];
}

/** How a model is to learn, and on what. */
export interface Teaching {
  readonly recipe: Recipe;
  readonly target: KernelTarget;
}

/** A model with the gradients that a recipe takes, times the scale of its loss, for any number of images up to a micro-batch. */
export const planTraining = ({ recipe, ...planning }: Teaching & Pick<Planning, "model" | "sites">): Result<Planned> =>
  plan({
    ...planning,
    batch: { min: 1, max: recipe.batch },
    learning: {
      dropPath: recipe.dropPath > 0,
      wanted: (_, isParam) => isParam,
      lossScale: lossScale(planning.model, recipe.batch, planning.target.precision),
    },
  });

export interface Emission extends Planning<Target> {
  readonly context: Omit<EmitContext, "model" | "training" | "software">;
  /** Null or left out where the model is not to learn. */
  readonly teaching?: Teaching | null;
}

/** A checked model to files. */
export function emit({ context, teaching = null, ...planning }: Emission, observer: Observer = {}): Result<Unit> {
  const { model, target, sites } = planning;
  const whole = { ...context, model };
  if (target.takes === "plan") {
    const planned = plan({ ...planning, target }, observer);
    if (!planned.ok) return planned;
    const { graph } = planned.value;
    const software = target.software === undefined ? null : planGraph(graph, { ...planning, target: target.software });
    if (software?.ok === false) return software;
    const taught = teaching === null ? null : planTraining({ ...teaching, model, sites });
    if (taught?.ok === false) return taught;
    const training = teaching && taught && { recipe: teaching.recipe, plan: taught.value.plan };
    const files = target.emit(planned.value.plan, {
      ...whole,
      training,
      software: software === null ? null : software.value.plan,
    });
    return ok({ model, target: target.name, ...planned.value, files }, planned.diagnostics);
  }
  const graph = lower(planning, observer);
  if (!graph.ok) return graph;
  const problems = target.problems(graph.value, whole);
  if (problems.length > 0) return fail(...problems);
  const files = target.emit(graph.value, whole);
  return ok({ model, target: target.name, graph: graph.value, plan: null, files }, graph.diagnostics);
}

export interface CompileOptions {
  /** Which models, targets, storage types and batch; what it leaves open, the spec says. */
  readonly selection: Selection;
  readonly targetOf: (request: Request) => Target;
  /** What emitters may know besides, once it is clear what is compiled: weights among them. It may refuse. */
  readonly prepare: (
    requests: readonly Request[],
  ) => Promise<Result<Omit<EmitContext, "model" | "specHash" | "training" | "software">>>;
  readonly sites?: SiteLayout | undefined;
  /** What trains the model of a request for which there is a recipe; null for nothing. */
  readonly trainerOf?: (request: Request) => KernelTarget | null;
  readonly observe?: (request: Request) => Observer;
}

export interface Compilation {
  /** One for each request: a model, for a target, in a storage type. */
  readonly units: readonly (Unit & {
    readonly dtype: Request["dtype"];
    /** Where its files are, below the output directory. */
    readonly folder: string;
  })[];
  /** All that is to be written, below a folder for each model. */
  readonly files: readonly OutputFile[];
  /** What was read, by name: the spec last, what it imports and the files of labels before. */
  readonly dependencies: readonly string[];
}

/** A spec to files: it is analysed, what is asked for is selected, planned and emitted. The diagnostics are of all of it. */
export async function compile(
  root: Source,
  read: ReadImport,
  { selection, targetOf, trainerOf = () => null, prepare, sites, observe = () => ({}) }: CompileOptions,
): Promise<Result<Compilation>> {
  const analysed = analyse(root, read);
  if (!analysed.ok) return analysed;
  const requests = select(analysed.value.program, selection, targetNames, root.name);
  if (!requests.ok) return requests;
  const context = await prepare(requests.value);
  if (!context.ok) return context;

  const emitted = requests.value.map(request => {
    const { model, batch, dtype, recipe } = request;
    const whole = { ...context.value, specHash: modelHash([model]) };
    const trainer = recipe && trainerOf(request);
    const teaching = recipe && trainer && { recipe, target: trainer };
    const unit = emit({ model, target: targetOf(request), batch, sites, teaching, context: whole }, observe(request));
    return unit.ok ? ok({ ...unit.value, dtype }, unit.diagnostics) : unit;
  });
  const units = inFolders(emitted.flatMap(unit => (unit.ok ? [unit.value] : [])));
  const diagnostics = [...analysed.diagnostics, ...context.diagnostics, ...emitted.flatMap(unit => unit.diagnostics)];
  if (units.length < emitted.length) return fail(...diagnostics);
  return ok({ units, files: units.flatMap(filesOf), dependencies: analysed.value.files.flatMap(namesOf) }, diagnostics);
}

const namesOf = ({ source, named }: Ast): readonly string[] => [...named, source].map(({ name }) => name);

const filesOf = ({ folder, files }: Compilation["units"][number]): readonly OutputFile[] =>
  files.map(file => ({ ...file, path: `${folder}/${file.path}` }));

type Emitted = Omit<Compilation["units"][number], "folder">;

/** A folder for each model; in it one for a further storage type, where that has files of the same names. */
function inFolders(units: readonly Emitted[]): Compilation["units"] {
  const taken = new Set<string>();
  return units.map(unit => {
    const { model, dtype, files } = unit;
    const isTaken = files.some(({ path }) => taken.has(`${model.name}/${path}`));
    const folder = isTaken ? `${model.name}/${dtype}` : model.name;
    for (const { path } of files) taken.add(`${folder}/${path}`);
    return { ...unit, folder };
  });
}
