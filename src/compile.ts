import { fail, ok, type Result, type Source } from "./diagnostics/diagnostic.ts";
import type { EmitContext, OutputFile, Target } from "./emit/target.ts";
import { build } from "./graph/build.ts";
import type { Graph } from "./graph/graph.ts";
import { verify } from "./graph/verify.ts";
import { check } from "./model/check.ts";
import type { Batch, Model, Program } from "./model/model.ts";
import { compactSitesAs } from "./passes/compact-sites.ts";
import { type PassObserver, runPasses } from "./passes/pass.ts";
import type { SiteLayout } from "./passes/site-layout.ts";
import type { Plan } from "./plan/plan.ts";
import { schedule } from "./plan/schedule.ts";
import type { Ast } from "./syntax/ast.ts";
import { load, type ReadImport } from "./syntax/load.ts";

/** What one model became for one target. */
export interface Unit {
  readonly model: Model;
  readonly target: string;
  readonly graph: Graph;
  /** Null for targets that take the graph. */
  readonly plan: Plan | null;
  readonly files: readonly OutputFile[];
}

/** Watches the compilation; printing, timing and explaining are observers. */
export interface Observer extends PassObserver {
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

export interface Lowering {
  readonly model: Model;
  readonly target: Target;
  readonly batch: Batch;
  /** Module paths whose outputs become outputs of the graph besides the model's own: `stages.0`. */
  readonly taps: readonly string[];
  /** How the stages of a masked encoder are computed; `auto` where it is left out. */
  readonly sites?: SiteLayout | undefined;
  readonly context: Omit<EmitContext, "model">;
}

/** A checked model to files: graph, passes, plan, code. What can still be wrong is a limit of the target. */
export function lower(
  { model, target, batch, taps, sites = "auto", context }: Lowering,
  observer: Observer = {},
): Result<Unit> {
  const built = build(model, taps);
  if (!built.ok) return built;
  observer.graph?.(built.value, model);

  const passes = [compactSitesAs(sites), ...target.passes];
  const graph = verify(runPasses(built.value, passes, observer), target.name, target.legal);
  const unit = { model, target: target.name, graph };
  if (target.takes === "graph") {
    const problems = target.problems(graph, { ...context, model });
    if (problems.length > 0) return fail(...problems);
    return ok({ ...unit, plan: null, files: target.emit(graph, { ...context, model }) });
  }

  const plan = schedule(graph, batch, { tuning: target.tuning, tuned: target.tuned?.(batch), half: target.half });
  if (!plan.ok) return plan;
  observer.plan?.(plan.value, model);
  const problems = target.problems?.(plan.value) ?? [];
  if (problems.length > 0) return fail(...problems);

  const files = target.emit(plan.value, { ...context, model });
  return ok({ ...unit, plan: plan.value, files }, plan.diagnostics);
}
