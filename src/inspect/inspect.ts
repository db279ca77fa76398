import { ok, type Result } from "../diagnostics/diagnostic.ts";
import type { Graph } from "../graph/graph.ts";
import { type Change, changeOf, graphLines, type Lines } from "./changes.ts";
import { planSubject } from "./plan-subject.ts";
import { type Runs, runsOf } from "./runs.ts";
import { type Sources, sourcesOf } from "./sources.ts";
import type { Subject } from "./subject.ts";
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

export function inspect(subject: Subject): Result<Inspection> {
  const changes: Change[] = [];
  let built: Lines = { count: 0, lines: [] };
  const planned = planSubject(subject, {
    graph: graph => {
      built = graphLines(graph);
    },
    pass: (pass, before, after) => {
      changes.push(changeOf(pass, before, after));
    },
  });
  if (!planned.ok) return planned;
  const { graph, plan } = planned.value;
  const runs = runsOf(plan, subject.target);
  const sources = sourcesOf[subject.target](plan);
  return ok({ summary: summaryOf(subject, runs), built, changes, graph, runs, sources }, planned.diagnostics);
}
