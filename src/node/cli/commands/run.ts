import type { Diagnostic, Result } from "../../../diagnostics/diagnostic.ts";
import { shown } from "../../../diagnostics/escape.ts";
import { error } from "../../../diagnostics/messages.ts";
import type { StorageType } from "../../../model/model.ts";
import type { SiteLayout } from "../../../passes/site-layout.ts";
import { maxNpz, npzBytes, writeNpz } from "../../../weights/formats/npz-writer.ts";
import { f32Tensor, writeSafetensors } from "../../../weights/formats/safetensors.ts";
import type { TensorData } from "../../../weights/tensor.ts";
import type { RunReport } from "../../executors/executor.ts";
import { type ExecutorName, executorNames, learningExecutors } from "../../executors/executors.ts";
import { storageProblem } from "../../executors/storage-problem.ts";
import { overInput } from "../../files/read-so-far.ts";
import { writeFile } from "../../files/write-file.ts";
import { type AdapterKind, adapterKinds } from "../../gpu/adapters.ts";
import type { RunJob } from "../../jobs/run.ts";
import { type Outcome, outcome } from "../../outcome/outcome.ts";
import { formatOf, formatProblem, type TensorFormat } from "../../output/tensor-format.ts";
import type { AddCommand } from "../command.ts";
import { onExecutors } from "../on-executors.ts";
import { choice, defaulted, maskOption, once, sitesOption, storageOption, tf32Help } from "../options.ts";
import {
  bindingOf,
  extraOption,
  type FileFlags,
  keyOption,
  prefixOption,
  renameOption,
  strictHelp,
} from "../weights-options.ts";

interface Options extends FileFlags {
  readonly model?: string;
  readonly on: ExecutorName;
  readonly weights: string;
  readonly input: string;
  readonly out: string;
  readonly taps?: string;
  readonly gradients?: true | readonly string[];
  readonly mask?: number;
  readonly sites: SiteLayout;
  readonly adapter?: AdapterKind;
  readonly dtype?: StorageType;
  readonly tf32?: boolean;
  readonly checkFinite?: boolean;
  readonly allowExtra?: boolean;
  readonly strict?: boolean;
  readonly root?: string;
}

const formats = ["safetensors", "npz"] as const;

const writers: { readonly [K in TensorFormat]: (tensors: readonly TensorData[]) => AsyncIterable<Uint8Array> } = {
  safetensors: tensors => writeSafetensors(tensors),
  npz: writeNpz,
};

export const addRun: AddCommand = (program, execute) => {
  program
    .command("run")
    .description("run a model once, tensors by name in and out")
    .argument("<spec>", "spec file, - for standard input")
    .option("-m, --model <name>", "the model (default: the only one that the spec declares)")
    .addOption(defaulted("--on <executor>", "where it runs", executorNames, "webgpu"))
    .addOption(
      once(
        "-w, --weights <file>",
        "safetensors, .pt, .pth or .npz in any known naming, or random:SEED",
      ).makeOptionMandatory(),
    )
    .addOption(keyOption())
    .addOption(prefixOption())
    .addOption(renameOption())
    .addOption(extraOption())
    .option("--strict", strictHelp)
    .requiredOption(
      "-i, --input <file>",
      "safetensors, .npz or .pt with pixel_values, F32 [N, C, H, W], and for fcmae mask, F32 [N, L]; for gradients of a classifier targets, F32 [N, classes], and where it drops blocks keep, F32 [blocks, N]",
    )
    .addOption(maskOption())
    .requiredOption("--out <file>", "where the outputs go, .safetensors or .npz")
    .option("--taps <names>", "modules whose outputs are written too, such as stages.0,stages.1.0")
    .option(
      "--gradients [names...]",
      "after the spec: the loss and its gradients instead of the outputs, of all parameters or of those named; * stands for any characters",
    )
    .addOption(sitesOption())
    .addOption(choice("--adapter <kind>", "WebGPU adapter (default: the first of these there is)", adapterKinds))
    .addOption(storageOption())
    .option("--tf32", tf32Help)
    .option("--check-finite", "a NaN or infinity in an output is an error, and nothing is written")
    .option("--root <folder>", "the folder that imports may not leave (default: the spec's own)")
    .action((spec: string, options: Options) => execute(() => run(spec, options)));
};

async function run(spec: string, options: Options): Promise<Outcome> {
  const format = formatOf(options.out, formats);
  if (format === null) return outcome({ diagnostics: [formatProblem("--out", options.out, formats)] });
  const job: Omit<RunJob, "adapter" | "stdin"> = {
    spec,
    root: options.root ?? null,
    model: options.model ?? null,
    on: options.on,
    dtype: options.dtype ?? "f32",
    tf32: options.tf32 ?? false,
    weights: options.weights,
    binding: bindingOf(options),
    input: options.input,
    mask: options.mask ?? null,
    sites: options.sites,
    taps: options.taps?.split(",").filter(tap => tap !== "") ?? [],
    gradients: options.gradients === true ? [] : (options.gradients ?? null),
  };
  if (job.gradients !== null && !learningExecutors.includes(job.on))
    return outcome({ diagnostics: [error("gradients-missing", null, job.on, learningExecutors)] });
  if (job.gradients !== null && job.taps.length > 0)
    return outcome({ diagnostics: [error("usage", null, "--gradients writes no modules; leave --taps out")] });
  if (job.gradients !== null && job.dtype !== "f32")
    return outcome({ diagnostics: [error("bad-option-value", null, "--dtype", job.dtype, "f32 with --gradients")] });
  const problem = storageProblem(job);
  if (problem !== null) return outcome({ diagnostics: [problem] });
  const clash = overInput(options.out, [spec, options.weights, options.input]);
  if (clash !== null) return outcome({ diagnostics: [clash] });
  const place = { on: [options.on], adapter: options.adapter ?? null };
  return onExecutors("run", place, job, report => settle(report, format, options));
}

async function settle(
  report: Result<RunReport>,
  format: TensorFormat,
  { out: file, checkFinite = false }: Options,
): Promise<Outcome> {
  if (!report.ok) return outcome({ diagnostics: report.diagnostics });
  const { outputs, on, milliseconds } = report.value;
  const broken = checkFinite ? nonFinite(outputs) : [];
  if (broken.length > 0) return outcome({ diagnostics: [...report.diagnostics, ...broken] });
  const tensors = [...outputs].map(([name, { shape, data }]) => f32Tensor(name, shape, () => data));
  if (format === "npz" && npzBytes(tensors) > maxNpz)
    return outcome({ diagnostics: [...report.diagnostics, error("npz-large", { file, offset: null })] });
  const failure = await writeFile(file, writers[format](tensors));
  if (failure !== null) return outcome({ diagnostics: [...report.diagnostics, failure] });
  const lines = [...outputs].map(([name, { shape }]) => `${shown(name)} [${shape.join(", ")}]\n`);
  return outcome({
    diagnostics: report.diagnostics,
    outputs: [{ path: file, status: "written" }],
    text: lines.join(""),
    notes: [`ran on ${on} in ${milliseconds.toFixed(1)} ms`],
  });
}

const nonFinite = (outputs: RunReport["outputs"]): readonly Diagnostic[] =>
  [...outputs].flatMap(([name, { data }]) => {
    const count = data.reduce((sum, value) => sum + (Number.isFinite(value) ? 0 : 1), 0);
    return count === 0 ? [] : [error("nonfinite-output", null, name, count)];
  });
