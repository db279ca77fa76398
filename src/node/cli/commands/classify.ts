import type { Result } from "../../../diagnostics/diagnostic.ts";
import { shown, shownPath } from "../../../diagnostics/escape.ts";
import type { StorageType } from "../../../model/model.ts";
import { type ExecutorName, executorNames } from "../../executors/executors.ts";
import { storageProblem } from "../../executors/storage-problem.ts";
import { type AdapterKind, adapterKinds } from "../../gpu/adapters.ts";
import type { Classified, ClassifyJob } from "../../jobs/classify/classify.ts";
import type { Ranked } from "../../jobs/classify/rankings.ts";
import { rankedOf } from "../../jobs/classify/rankings.ts";
import { type Outcome, outcome } from "../../outcome/outcome.ts";
import { hoursText, pace } from "../../process/pace.ts";
import type { AddCommand } from "../command.ts";
import { onExecutors } from "../on-executors.ts";
import { choice, countOption, defaulted, once, storageOption, tf32Help } from "../options.ts";
import { bindingOf, extraOption, type FileFlags, keyOption, prefixOption, renameOption } from "../weights-options.ts";

interface Options extends FileFlags {
  readonly allowExtra?: boolean;
  readonly model?: string;
  readonly weights: string;
  readonly labels?: string;
  readonly top: number;
  readonly on: ExecutorName;
  readonly adapter?: AdapterKind;
  readonly dtype?: StorageType;
  readonly tf32?: boolean;
  readonly root?: string;
}

const examples = `
Examples:
  cnxc classify specs/convnextv2.cnx -m atto -w atto.safetensors cat.jpg dog.webp --labels imagenet.txt
      the five likeliest classes of each image
  cnxc classify my.cnx -w model.safetensors pictures --top 1 --json
      the same under "result", for a program
`;

export const addClassify: AddCommand = (program, execute) => {
  program
    .command("classify")
    .description("say what images show")
    .argument("<spec>", "spec file, - for standard input")
    .argument("<image...>", "PNG, JPEG and WebP images, and folders of them")
    .option("-m, --model <name>", "a model with head classifier (default: the only model that the spec declares)")
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
    .addOption(once("--labels <file>", "names of the classes instead of the spec's: lines, or JSON"))
    .addOption(countOption("--top <number>", "most classes that are shown of an image", 5))
    .addOption(defaulted("--on <executor>", "where it runs", executorNames, "webgpu"))
    .addOption(choice("--adapter <kind>", "WebGPU adapter (default: the first of these there is)", adapterKinds))
    .addOption(storageOption())
    .option("--tf32", tf32Help)
    .option("--root <folder>", "the folder that imports may not leave (default: the spec's own)")
    .addHelpText("after", examples)
    .action((spec: string, images: string[], options: Options) => execute(() => classify(spec, images, options)));
};

async function classify(spec: string, images: readonly string[], options: Options): Promise<Outcome> {
  const job: Omit<ClassifyJob, "adapter" | "stdin"> = {
    spec,
    root: options.root ?? null,
    model: options.model ?? null,
    on: options.on,
    dtype: options.dtype ?? "f32",
    tf32: options.tf32 ?? false,
    weights: options.weights,
    binding: bindingOf(options),
    images,
    labels: options.labels ?? null,
    top: options.top,
  };
  const problem = storageProblem(job);
  if (problem !== null) return outcome({ diagnostics: [problem] });
  return onExecutors("classify", { on: [options.on], adapter: options.adapter ?? null }, job, settle);
}

function settle(result: Result<Classified>): Outcome {
  if (!result.ok) return outcome({ diagnostics: result.diagnostics });
  const { rankings, labels, broken, on, milliseconds, seconds } = result.value;
  const images = rankings.images.map((image, n) => ({
    image,
    classes: rankedOf(rankings, n).map(({ class: index, logit, probability }) => ({
      class: index,
      label: labels?.[index] ?? null,
      logit,
      probability,
    })),
  }));
  const ran = `ran on ${on} in ${milliseconds.toFixed(1)} ms`;
  const many = `${images.length} images in ${hoursText(seconds)}, ${pace(images.length / seconds)}`;
  return outcome({
    diagnostics: [...broken, ...result.diagnostics],
    text: images.map(({ image, classes }) => `${shownPath(image)}\n${table(classes)}`).join("\n"),
    result: { images },
    notes: images.length === 0 ? [] : images.length < fewImages ? [ran] : [ran, many],
  });
}

/** Of fewer the rate says little. */
const fewImages = 100;

interface LabelledClass extends Ranked {
  readonly label: string | null;
}

/** Rank, probability, and the label, or the class's index where there are none. */
function table(classes: readonly LabelledClass[]): string {
  const width = `${classes.length}`.length;
  return classes
    .map(({ class: index, label, probability }, i) => {
      const name = label === null ? `class ${index}` : shown(label);
      return `  ${`${i + 1}`.padStart(width)}  ${(100 * probability).toFixed(2).padStart(6)} %  ${name}\n`;
    })
    .join("");
}
