import type { Result } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import type { SiteLayout } from "../../passes/site-layout.ts";
import { f32Tensor, writeSafetensors } from "../../weights/safetensors.ts";
import { type AdapterKind, adapterKinds } from "../adapters.ts";
import type { AddCommand } from "../command.ts";
import type { RunReport } from "../executors/executor.ts";
import { type ExecutorName, executorNames, executorStorage } from "../executors/executors.ts";
import { enterGpuProcess } from "../gpu-process.ts";
import type { RunJob } from "../jobs/run.ts";
import {
  allowExtraHelp,
  bindingOf,
  choice,
  defaulted,
  maskOption,
  once,
  sitesOption,
  strictHelp,
  tf32Help,
} from "../options.ts";
import { type Outcome, outcome } from "../outcome.ts";
import { runJob } from "../run-job.ts";
import { writeFile } from "../write-file.ts";

interface Options {
  readonly model?: string;
  readonly on: ExecutorName;
  readonly weights: string;
  readonly input: string;
  readonly out: string;
  readonly taps?: string;
  readonly mask?: number;
  readonly sites: SiteLayout;
  readonly adapter?: AdapterKind;
  readonly dtype?: "f32" | "f16" | "bf16";
  readonly tf32?: boolean;
  readonly allowExtra?: boolean;
  readonly strict?: boolean;
  readonly root?: string;
}

/** Tensors are outside the heap; what the cap bounds is the rest. */
const memoryCap = 2048;

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
    .option("--allow-extra", allowExtraHelp)
    .option("--strict", strictHelp)
    .requiredOption(
      "-i, --input <file>",
      "safetensors with pixel_values, F32 [N, C, H, W], and for fcmae mask, F32 [N, L]",
    )
    .addOption(maskOption())
    .requiredOption("--out <file>", "where the outputs go, as safetensors")
    .option("--taps <names>", "modules whose outputs are written too, such as stages.0,stages.1.0")
    .addOption(sitesOption())
    .addOption(choice("--adapter <kind>", "WebGPU adapter (default: the first of these there is)", adapterKinds))
    .addOption(
      choice("--dtype <name>", "storage type (default: f32): f16 on webgpu, onnx and CUDA, bf16 on CUDA", [
        "f32",
        "f16",
        "bf16",
      ]),
    )
    .option("--tf32", tf32Help)
    .option("--root <folder>", "the folder that imports may not leave (default: the spec's own)")
    .action((spec: string, options: Options) => execute(() => run(spec, options)));
};

async function run(spec: string, options: Options): Promise<Outcome> {
  const job: RunJob = {
    spec,
    root: options.root ?? null,
    model: options.model ?? null,
    on: options.on,
    adapter: null,
    dtype: options.dtype ?? "f32",
    tf32: options.tf32 ?? false,
    weights: options.weights,
    binding: bindingOf(options),
    input: options.input,
    mask: options.mask ?? null,
    sites: options.sites,
    taps: options.taps?.split(",").filter(tap => tap !== "") ?? [],
  };
  const stored = executorStorage[job.on];
  if (!stored.includes(job.dtype)) {
    const expected = `${stored.join(" or ")} on ${job.on}`;
    return outcome({ diagnostics: [error("bad-option-value", null, "--dtype", job.dtype, expected)] });
  }
  if (job.tf32 && !options.on.startsWith("cuda"))
    return outcome({ diagnostics: [error("tf32-misplaced", null, `on ${options.on}`, "--on cuda or cuda-cpu")] });
  if (job.tf32 && job.dtype !== "f32")
    return outcome({ diagnostics: [error("tf32-misplaced", null, job.dtype, "--dtype f32")] });
  if (options.on.startsWith("cuda")) return settle(await (await import("../jobs/run.ts")).run(job), options.out);
  if (options.on !== "webgpu") return settle(await runJob("run", [job], memoryCap), options.out);
  const process = await enterGpuProcess(options.adapter ?? null);
  if (!process.ok) return outcome(process);
  if (process.value.role === "parent") return outcome({ exitCode: process.value.exitCode });
  const work = (await import("../jobs/run.ts")).run;
  return settle(await work({ ...job, adapter: process.value.kind }), options.out);
}

async function settle(report: Result<RunReport>, file: string): Promise<Outcome> {
  if (!report.ok) return outcome({ diagnostics: report.diagnostics });
  const { outputs, on, milliseconds } = report.value;
  const tensors = [...outputs].map(([name, { shape, data }]) => f32Tensor(name, shape, () => data));
  const failure = await writeFile(file, writeSafetensors(tensors));
  if (failure !== null) return outcome({ diagnostics: [...report.diagnostics, failure] });
  const lines = [...outputs].map(([name, { shape }]) => `${name} [${shape.join(", ")}]\n`);
  return outcome({
    diagnostics: report.diagnostics,
    outputs: [{ path: file, status: "written" }],
    text: lines.join(""),
    notes: [`ran on ${on} in ${milliseconds.toFixed(1)} ms`],
  });
}
