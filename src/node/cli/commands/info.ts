import { infoText } from "../../../inspect/info-text.ts";
import { learningText } from "../../../inspect/learning-text.ts";
import { readStdin } from "../../files/read.ts";
import type { InfoJob } from "../../jobs/info.ts";
import type { TrainingInfoJob } from "../../jobs/info-training.ts";
import { runJob } from "../../jobs/run-job.ts";
import { type Outcome, outcome } from "../../outcome/outcome.ts";
import type { AddCommand } from "../command.ts";
import { type LoweringOptions, loweringChoice, loweringDtype, loweringTarget } from "../lowering-options.ts";
import { batchOption, list, once, sitesOption } from "../options.ts";

interface Options extends LoweringOptions {
  readonly model?: string[];
  readonly train?: string;
  readonly root?: string;
}

const examples = `
Examples:
  cnxc info specs/convnextv2.cnx
      every published size
  cnxc info specs/convnextv2.cnx -m tiny --target cuda --dtype bf16 --batch 256
      what one pass of 256 images of tiny takes on CUDA
  cnxc info specs/train.cnx --train pretrain_atto --batch 32
      what a step of that recipe takes on WebGPU, and how many images fit
`;

export const addInfo: AddCommand = (program, execute) => {
  program
    .command("info")
    .description("what models are and what a pass of them costs, stage by stage")
    .argument("<spec>", "spec file, - for standard input")
    .addOption(list("-m, --model <names>", "the models (default: those the spec itself declares)"))
    .addOption(
      once(
        "--train <recipe>",
        "instead: what a step of a recipe needs, computes and takes on WebGPU, with its batch or that of --batch",
      ),
    )
    .addOption(loweringTarget())
    .addOption(loweringDtype())
    .addOption(batchOption())
    .addOption(sitesOption())
    .option("--root <folder>", "the folder that imports may not leave (default: the spec's own)")
    .addHelpText("after", examples)
    .action((spec: string, options: Options) => execute(() => info(spec, options)));
};

async function info(spec: string, options: Options): Promise<Outcome> {
  const job: InfoJob = {
    spec,
    root: options.root ?? null,
    stdin: await readStdin([spec]),
    models: options.model ?? null,
    ...loweringChoice(options),
  };
  if (options.train !== undefined) return training({ ...job, train: options.train });
  const found = await runJob("info", [job]);
  if (!found.ok) return outcome({ diagnostics: found.diagnostics });
  const columns = process.stdout.isTTY ? process.stdout.columns : pipeColumns;
  return outcome({
    diagnostics: found.diagnostics,
    text: found.value.map(summary => infoText(summary, columns)).join("\n"),
    result: { models: found.value },
  });
}

async function training(job: TrainingInfoJob): Promise<Outcome> {
  const found = await runJob("trainingInfo", [job]);
  if (!found.ok) return outcome({ diagnostics: found.diagnostics });
  return outcome({
    diagnostics: found.diagnostics,
    text: learningText(found.value),
    result: { training: found.value },
  });
}

/** What has no width of its own. */
const pipeColumns = 80;
