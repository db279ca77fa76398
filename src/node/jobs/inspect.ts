import { fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import { dot } from "../../inspect/dot.ts";
import { drawingOf } from "../../inspect/drawing.ts";
import { type Inspection, inspect } from "../../inspect/inspect.ts";
import { inspectText } from "../../inspect/inspect-text.ts";
import { mermaid } from "../../inspect/mermaid.ts";
import { inspectPage } from "../../inspect/page.ts";
import { type ModelChoice, oneRequest } from "../inputs/one-model.ts";
import { type LoweringChoice, selectionOf } from "./info.ts";

/** What is printed of an inspection. */
export type Shown = "text" | "mermaid" | "dot";

export interface InspectJob extends ModelChoice, LoweringChoice {
  /** Null prints nothing. */
  readonly show: Shown | null;
  /** A page is wanted too. */
  readonly page: boolean;
  /** The model as it learns: with the gradients of its parameters. */
  readonly gradients: boolean;
}

export interface Inspected {
  readonly text: string;
  readonly page: string | null;
  /** For a program; graphs are left out, which `compile --print-after` prints. */
  readonly result: object;
}

const shown: { readonly [K in Shown]: (inspection: Inspection) => string } = {
  text: inspectText,
  mermaid: ({ graph, runs }) => mermaid(drawingOf(graph, runs.runs)),
  dot: ({ graph, runs }) => dot(drawingOf(graph, runs.runs)),
};

/** Everything that became of one model, as text and as a page. */
export function inspectModel(job: InspectJob): Result<Inspected> {
  const request = oneRequest(job, selectionOf(job));
  if (!request.ok) return request;
  const { model, dtype, batch } = request.value;
  const target = job.target ?? "wgsl";
  if (job.gradients && (target !== "wgsl" || dtype !== "f32"))
    return fail(
      error("usage", null, "--gradients shows what --target wgsl makes of them in f32; the others make nothing"),
    );
  const learning = job.gradients ? { dropPath: false, wanted: (_: string, isParam: boolean) => isParam } : null;
  const found = inspect({ model, dtype, batch, target, sites: job.sites, learning });
  if (!found.ok) return found;
  const { summary, changes, runs, sources } = found.value;
  return ok(
    {
      text: job.show === null ? "" : shown[job.show](found.value),
      page: job.page ? inspectPage(found.value) : null,
      result: {
        summary,
        passes: changes.map(({ pass, added, removed, rewired, grouped, saved, after }) => ({
          pass,
          added: added.count,
          removed: removed.count,
          changed: rewired.count,
          grouped: grouped.count,
          saved,
          nodes: after.count,
        })),
        runs: runs.runs.map((run, i) => ({ ...run, kernel: sources.ofRun[i] })),
        kernels: sources.kernels,
        memory: runs.memory,
      },
    },
    [...request.diagnostics, ...found.diagnostics],
  );
}
