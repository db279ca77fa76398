import { type Diagnostic, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { type KernelTargetName, kernelTargets } from "../../inspect/subject.ts";
import { type Summary, summarise } from "../../inspect/summary.ts";
import type { Batch, StorageType } from "../../model/model.ts";
import { select } from "../../model/select.ts";
import type { SiteLayout } from "../../passes/site-layout.ts";
import { loadProgram } from "../inputs/program.ts";

/** How a model is to be lowered that is only looked at; null leaves a choice at its default. */
export interface LoweringChoice {
  readonly target: KernelTargetName | null;
  readonly dtype: StorageType | null;
  readonly batch: Batch | null;
  readonly sites: SiteLayout;
}

export interface InfoJob extends LoweringChoice {
  readonly spec: string;
  readonly root: string | null;
  readonly stdin: Uint8Array | null;
  /** Null for all that the spec itself declares. */
  readonly models: readonly string[] | null;
}

/** What each of a spec's models is and costs. */
export function info({ spec, root, stdin, models, target, dtype, batch, sites }: InfoJob): Result<readonly Summary[]> {
  const loaded = loadProgram(spec, root, stdin);
  if (!loaded.ok) return loaded;
  const { program, source } = loaded.value;
  const selection = { models, build: null, ...selectionOf({ target, dtype, batch }) };
  const requests = select(program, selection, kernelTargets, source.name);
  if (!requests.ok) return requests;
  const found: Summary[] = [];
  const diagnostics: Diagnostic[] = [...loaded.diagnostics];
  for (const request of requests.value) {
    const summary = summarise({ ...request, target: target ?? "wgsl", sites });
    diagnostics.push(...summary.diagnostics);
    if (summary.ok) found.push(summary.value);
  }
  return found.length === requests.value.length ? ok(found, diagnostics) : fail(...diagnostics);
}

/** One target and one storage type, as `select` takes them. */
export const selectionOf = ({ target, dtype, batch }: Pick<LoweringChoice, "target" | "dtype" | "batch">) => ({
  targets: [target ?? kernelTargets[0]],
  dtypes: dtype === null ? null : [dtype],
  batch,
});
