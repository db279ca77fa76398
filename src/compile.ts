import { fail, ok, type Result, type Source } from "./diagnostics/diagnostic.ts";
import type { EmitContext, KernelTarget, OutputFile, Target } from "./emit/target.ts";
import { build } from "./graph/build.ts";
import type { Graph } from "./graph/graph.ts";
import { verify } from "./graph/verify.ts";
import { check } from "./model/check.ts";
import type { Batch, Model, Program } from "./model/model.ts";
import { compactSitesAs } from "./passes/compact-sites.ts";
import { type PassObserver, runPasses } from "./passes/pass.ts";
import type { SiteLayout } from "./passes/site-layout.ts";
import { place } from "./plan/place.ts";
import type { Plan } from "./plan/plan.ts";
import { schedule } from "./plan/schedule.ts";
import { runSchedulePasses, type SchedulePassObserver } from "./plan/schedule-pass.ts";
import { verifyPlan } from "./plan/verify.ts";
import type { Ast } from "./syntax/ast.ts";
import { load, type ReadImport } from "./syntax/load.ts";

/** Watches the compilation; printing, timing and explaining are observers. */
export interface Observer extends PassObserver, SchedulePassObserver {
  readonly ast?: (files: readonly Ast[]) => void;
  readonly program?: (program: Program) => void;
  readonly graph?: (graph: Graph, model: Model) => void;
  readonly plan?: (plan: Plan, model: Model) => void;
}

/** Text to checked models: everything that is wrong with a spec is found here. */
export function analyse(root: Source, read: ReadImport, observer: Observer = {}): Result<Program> {
  const files = load(root, read);
  if (!files.ok) return files;
  observer.ast?.(files.value);

  const program = check(files.value);
  if (program.ok) observer.program?.(program.value);
  return program;
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
}

/** A checked model to the graph that a target takes. */
export function lower(
  { model, target, taps = [], sites = "auto" }: Omit<Planning<Target>, "batch">,
  observer: Observer = {},
): Result<Graph> {
  const built = build(model, taps);
  if (!built.ok) return built;
  observer.graph?.(built.value, model);

  const passes = [compactSitesAs(sites), ...target.passes];
  return ok(verify(runPasses(built.value, passes, observer), target.name, target.legal), built.diagnostics);
}

export interface Planned {
  readonly graph: Graph;
  readonly plan: Plan;
}

/** A checked model to a target's kernels, their operands and memory. What can still be wrong is a limit of the target. */
export function plan(planning: Planning, observer: Observer = {}): Result<Planned> {
  const { model, target, batch } = planning;
  const graph = lower(planning, observer);
  if (!graph.ok) return graph;

  const scheduled = schedule(graph.value, batch, target.profile(batch));
  const passed = runSchedulePasses(scheduled, target.schedulePasses(batch), observer);
  const placed = verifyPlan(place(passed, target), target.memory);
  observer.plan?.(placed, model);
  const problems = target.problems(placed);
  return problems.length > 0 ? fail(...problems) : ok({ graph: graph.value, plan: placed }, graph.diagnostics);
}

/** What one model became for one target. */
export interface Unit {
  readonly model: Model;
  readonly target: string;
  readonly graph: Graph;
  /** Null for targets that take the graph. */
  readonly plan: Plan | null;
  readonly files: readonly OutputFile[];
}

export interface Emission extends Planning<Target> {
  readonly context: Omit<EmitContext, "model">;
}

/** A checked model to files. */
export function emit({ context, ...planning }: Emission, observer: Observer = {}): Result<Unit> {
  const { model, target } = planning;
  const whole = { ...context, model };
  if (target.takes === "plan") {
    const planned = plan({ ...planning, target }, observer);
    if (!planned.ok) return planned;
    const files = target.emit(planned.value.plan, whole);
    return ok({ model, target: target.name, ...planned.value, files }, planned.diagnostics);
  }
  const graph = lower(planning, observer);
  if (!graph.ok) return graph;
  const problems = target.problems(graph.value, whole);
  if (problems.length > 0) return fail(...problems);
  const files = target.emit(graph.value, whole);
  return ok({ model, target: target.name, graph: graph.value, plan: null, files }, graph.diagnostics);
}
