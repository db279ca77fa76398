import type { Result } from "../../../diagnostics/diagnostic.ts";
import { shown, shownPath } from "../../../diagnostics/escape.ts";
import { type StorageType, storageTypes } from "../../../model/model.ts";
import { validatedText } from "../../../training/validation/figures.ts";
import { storageProblem } from "../../executors/storage-problem.ts";
import { type TrainerName, trainerNames, trainerStorage } from "../../executors/trainers.ts";
import { readStdin } from "../../files/read.ts";
import { type AdapterKind, adapterKinds } from "../../gpu/adapters.ts";
import { enterGpuProcess } from "../../gpu/gpu-process.ts";
import type { TrainReport } from "../../jobs/train/train.ts";
import { type Outcome, outcome } from "../../outcome/outcome.ts";
import type { AddCommand } from "../command.ts";
import { choice, count, countOption, defaulted, once, tf32Help } from "../options.ts";
import { bindingOf, extraOption, type FileFlags, keyOption, prefixOption, renameOption } from "../weights-options.ts";

interface Options extends FileFlags {
  readonly allowExtra?: boolean;
  readonly train?: string;
  readonly model?: string;
  readonly data?: string;
  readonly batches?: string;
  readonly val?: string;
  readonly valCount?: number;
  readonly weights?: string;
  readonly on: TrainerName;
  readonly adapter?: AdapterKind;
  readonly dtype?: StorageType;
  readonly tf32?: boolean;
  readonly saveEvery: number;
  readonly resume?: boolean;
  readonly output: string;
  readonly root?: string;
}

export const addTrain: AddCommand = (program, execute) => {
  program
    .command("train")
    .description("train a model by a recipe of its spec: a masked autoencoder, or a classifier")
    .argument("<spec>", "spec file, - for standard input")
    .option("-t, --train <name>", "the recipe (default: the only one that the spec declares)")
    .option("-m, --model <name>", "instead: a model to train for 100 epochs, by the defaults of recipes")
    .addOption(
      once(
        "--data <place>",
        "a folder of PNG, JPEG and WebP pictures to train on, for a classifier in a folder a class; or safetensors, .npz, .npy or .pt with pixel_values, F32 or U8 [N, C, H, W], and for a classifier labels, whole numbers [N]",
      ),
    )
    .addOption(
      once(
        "--batches <file>",
        "instead: safetensors, .npz or .pt with ready batches: STEP.MICRO.pixel_values, F32 [batch, C, H, W], both counted from 0; for fcmae .mask, F32 [batch, L], for a classifier .targets, F32 [batch, classes], and with drop_path .keep, F32 [blocks, batch]",
      ),
    )
    .addOption(
      once("--val <folder>", "pictures that are held out, laid out like --data: evaluated at every checkpoint"),
    )
    .addOption(
      count("--val-count <pictures>", "most pictures of --val, chosen by the seed (default: 5000)", 1, 9_999_999),
    )
    .addOption(
      once(
        "-w, --weights <file>",
        "what a new run begins from: safetensors, .pt, .pth or .npz in any known naming, or random:SEED (default: drawn as the recipe says)",
      ),
    )
    .addOption(keyOption())
    .addOption(prefixOption())
    .addOption(renameOption())
    .addOption(extraOption())
    .addOption(defaulted("--on <executor>", "where it trains", trainerNames, "webgpu"))
    .addOption(choice("--adapter <kind>", "WebGPU adapter (default: the first of these there is)", adapterKinds))
    .addOption(
      choice(
        "--dtype <name>",
        "what maps and packed weights are kept in (default: f32): f16 and bf16 on CUDA",
        storageTypes,
      ),
    )
    .option("--tf32", tf32Help)
    .addOption(
      countOption("--save-every <steps>", "steps from one checkpoint to the next; the last is saved too", 1000),
    )
    .option("--resume", "go on from the last whole checkpoint of the run, if the recipe is the same")
    .addOption(
      once(
        "-o, --output <folder>",
        "where the run goes: train.cnx, log.jsonl, report.html and checkpoints/step-N",
      ).makeOptionMandatory(),
    )
    .option("--root <folder>", "the folder that imports may not leave (default: the spec's own)")
    .action((spec: string, options: Options) => execute(() => train(spec, options)));
};

async function train(spec: string, options: Options): Promise<Outcome> {
  const { on, dtype = "f32", tf32 = false } = options;
  const problem = storageProblem({ on, dtype, tf32 }, trainerStorage[on]);
  if (problem !== null) return outcome({ diagnostics: [problem] });
  const entered = options.on === "webgpu" ? await enterGpuProcess(options.adapter ?? null) : null;
  if (entered !== null && !entered.ok) return outcome({ diagnostics: entered.diagnostics });
  if (entered?.value.role === "parent") return outcome({ exitCode: entered.value.exitCode });
  const job = await import("../../jobs/train/train.ts");
  const report = await job.train({
    spec,
    stdin: await readStdin([spec]),
    root: options.root ?? null,
    train: options.train ?? null,
    model: options.model ?? null,
    on,
    dtype,
    tf32,
    adapter: entered?.value.role === "child" ? entered.value.kind : null,
    weights: options.weights ?? null,
    binding: bindingOf(options),
    data: options.data ?? null,
    batches: options.batches ?? null,
    val: options.val ?? null,
    valCount: options.valCount ?? null,
    run: options.output,
    resume: options.resume ?? false,
    saveEvery: options.saveEvery,
  });
  return settle(report, options.output);
}

function settle(report: Result<TrainReport>, folder: string): Outcome {
  if (!report.ok) return outcome({ diagnostics: report.diagnostics });
  const { recipe, from, step, steps, skipped, losses, validated, written, on, endedBy } = report.value;
  const done =
    losses === null
      ? `all ${steps} steps had been done`
      : `steps ${from + 1} to ${step} of ${steps}, loss ${losses.first.toPrecision(5)} to ${losses.last.toPrecision(5)}`;
  return outcome({
    diagnostics: report.diagnostics,
    outputs: written.map(path => ({ path, status: "written" })),
    text: `${shownPath(folder)}: ${shown(recipe)}, ${done}\n${validated === null ? "" : `validation: ${validatedText(validated)}\n`}`,
    result: { recipe, from, step, steps, skipped, losses, ...(validated ?? {}) },
    notes: [
      `trained on ${on}`,
      ...(endedBy === null ? [] : [`stopped after ${step} of ${steps} steps; go on by --resume`]),
    ],
    endedBy,
  });
}
