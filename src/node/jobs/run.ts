import { type Diagnostic, ok, type Result } from "../../diagnostics/diagnostic.ts";
import type { StorageType } from "../../model/model.ts";
import type { SiteLayout } from "../../passes/site-layout.ts";
import type { RunReport } from "../executors/executor.ts";
import { type ExecutorName, executor } from "../executors/executors.ts";
import { gradientsOf, inFileForm } from "../executors/gradients.ts";
import type { AdapterKind } from "../gpu/adapters.ts";
import { type ModelChoice, oneModel } from "../inputs/one-model.ts";
import { openWeights, type WeightsOptions, withWeights } from "../inputs/open-weights.ts";
import { readInputs, readLearningInputs } from "../inputs/tensors.ts";
import { progress } from "../process/progress.ts";

export interface RunJob extends ModelChoice {
  readonly on: ExecutorName;
  /** Where WebGPU runs; null on other executors. */
  readonly adapter: AdapterKind | null;
  /** How weights and activations are stored. */
  readonly dtype: StorageType;
  /** The CUDA executors multiply f32 as TF32. */
  readonly tf32: boolean;
  readonly weights: string;
  readonly binding: WeightsOptions;
  readonly input: string;
  readonly taps: readonly string[];
  /** Of which parameters and inputs the gradients are wanted, by patterns of names; null for a forward pass alone. */
  readonly gradients: readonly string[] | null;
  /** Seed of a mask to draw instead of reading one, or null. */
  readonly mask: number | null;
  readonly sites: SiteLayout;
}

/** Reads spec, weights and input, compiles for the batch of the input, and runs once. */
export async function run(job: RunJob): Promise<Result<RunReport>> {
  const found = oneModel(job);
  if (!found.ok) return found;
  const model = found.value;
  const inputs = await (job.gradients === null ? readInputs : readLearningInputs)(job, model);
  if (!inputs.ok) return inputs;
  const whileRead: Diagnostic[] = [];
  const weights = await openWeights(job.weights, model, diagnostic => whileRead.push(diagnostic), job.binding);
  return withWeights(weights, async opened => {
    const execute = await executor(job.on, job);
    const batch = inputs.value.get("pixel_values")?.shape[0] ?? 1;
    const names = opened.inFile;
    const wanted = job.gradients === null ? ok(null) : gradientsOf(model, job.gradients, names);
    if (!wanted.ok) return wanted;
    progress(`${model.name} on ${job.on}`);
    const report = await execute({
      model,
      batch,
      taps: job.taps,
      sites: job.sites,
      learning: wanted.value && {
        dropPath: inputs.value.has("keep"),
        wanted: name => wanted.value?.has(name) ?? false,
      },
      weights: opened,
      inputs: inputs.value,
    });
    const warnings = [...found.diagnostics, ...inputs.diagnostics, ...weights.diagnostics, ...whileRead];
    if (!report.ok) return report;
    const outputs =
      wanted.value === null ? report.value.outputs : inFileForm(report.value.outputs, wanted.value, names);
    return ok({ ...report.value, outputs }, [...warnings, ...report.diagnostics]);
  });
}
