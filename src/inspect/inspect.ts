import { ok, type Result } from "../diagnostics/diagnostic.ts";
import type { Graph } from "../graph/graph.ts";
import type { Plan } from "../plan/plan.ts";
import { planAlone } from "../planning.ts";
import { type Change, changeOf, graphLines, type Lines } from "./changes.ts";
import { cudaRuns, type Runs, wgslRuns } from "./runs.ts";
import { cudaSources, type Sources, wgslSources } from "./sources.ts";
import { defaultProfile, type KernelTargetName, type Subject } from "./subject.ts";
import { type Summary, summaryOf } from "./summary.ts";

/** All that became of a model on its way to a target's kernels. */
export interface Inspection {
  readonly summary: Summary;
  /** The graph before any pass. */
  readonly built: Lines;
  readonly changes: readonly Change[];
  /** The graph after all of them. */
  readonly graph: Graph;
  readonly runs: Runs;
  readonly sources: Sources;
}

interface Emitted {
  readonly runs: Runs;
  readonly sources: Sources;
}

const emitted: { readonly [K in KernelTargetName]: (plan: Plan, subject: Subject) => Emitted } = {
  wgsl: (plan, { model }) => ({ runs: wgslRuns(plan, model), sources: wgslSources(plan) }),
  cuda: (plan, { model, dtype }) => {
    const { program, ...runs } = cudaRuns(plan, model, dtype);
    return { runs, sources: cudaSources(program) };
  },
};

export function inspect(subject: Subject): Result<Inspection> {
  const changes: Change[] = [];
  let built: Lines = { count: 0, lines: [] };
  const lowered = planAlone(
    { ...subject, tuning: defaultProfile[subject.target] },
    {
      graph: graph => {
        built = graphLines(graph);
      },
      pass: (pass, before, after) => {
        changes.push(changeOf(pass, before, after));
      },
    },
  );
  if (!lowered.ok) return lowered;
  const { graph, plan } = lowered.value;
  const { runs, sources } = emitted[subject.target](plan, subject);
  return ok({ summary: summaryOf(subject, runs), built, changes, graph, runs, sources }, lowered.diagnostics);
}
