import type { Result } from "../../../diagnostics/diagnostic.ts";
import { shown } from "../../../diagnostics/escape.ts";
import { error } from "../../../diagnostics/messages.ts";
import { type ExecutorName, executorNames } from "../../executors/executors.ts";
import { overInput } from "../../files/read-so-far.ts";
import { writeFile } from "../../files/write-file.ts";
import { type AdapterKind, adapterKinds } from "../../gpu/adapters.ts";
import type { Format, Reconstructed, ReconstructJob } from "../../jobs/reconstruct.ts";
import { type Outcome, outcome } from "../../outcome/outcome.ts";
import type { AddCommand } from "../command.ts";
import { onExecutors } from "../on-executors.ts";
import { choice, defaulted, once, repeated, seedOption } from "../options.ts";
import { bindingOf, extraOption, type FileFlags, keyOption, prefixOption, renameOption } from "../weights-options.ts";

interface Options extends FileFlags {
  readonly allowExtra?: boolean;
  readonly model?: string;
  readonly weights: string;
  readonly image?: readonly string[];
  readonly input?: string;
  readonly seed: number;
  readonly on: ExecutorName;
  readonly output: string;
  readonly adapter?: AdapterKind;
  readonly root?: string;
}

const examples = `
Examples:
  cnxc reconstruct my.cnx -m atto_fcmae -w pretrained.safetensors --image cat.png -o cat.png
      three pictures side by side: the input, what is left of it, what the model made of that
  cnxc reconstruct my.cnx -w pretrained.safetensors --image a.jpg --image b.jpg --seed 7 -o both.html
      a page with both images, and how far the channels of each stage are apart
  cnxc reconstruct sat.cnx -w pretrained.safetensors -i tiles.npz -o tiles.html
      of twelve bands those that preprocess { display } of the spec says
`;

export const addReconstruct: AddCommand = (program, execute) => {
  program
    .command("reconstruct")
    .description("show what a masked autoencoder makes of the patches that are removed")
    .argument("<spec>", "spec file, - for standard input")
    .option("-m, --model <name>", "a model with head fcmae (default: the only model that the spec declares)")
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
    .addOption(repeated("--image <file>", "a PNG, JPEG or WebP image; may be given again"))
    .addOption(once("-i, --input <file>", "pixel_values of any channels instead: safetensors, .npz or .pt"))
    .addOption(seedOption())
    .addOption(defaulted("--on <executor>", "where it runs", executorNames, "webgpu"))
    .requiredOption("-o, --output <file>", "a .png, a row an image, or an .html, a page that stands alone")
    .addOption(choice("--adapter <kind>", "WebGPU adapter (default: the first of these there is)", adapterKinds))
    .option("--root <folder>", "the folder that imports may not leave (default: the spec's own)")
    .addHelpText("after", examples)
    .action((spec: string, options: Options) => execute(() => reconstruct(spec, options)));
};

/** By the end of the output's name. */
const endings: readonly (readonly [ending: string, format: Format])[] = [
  [".png", "png"],
  [".html", "html"],
];

async function reconstruct(spec: string, options: Options): Promise<Outcome> {
  const format = endings.find(([ending]) => options.output.toLowerCase().endsWith(ending))?.[1];
  if (format === undefined) {
    const expected = `a name that ends in ${endings.map(([ending]) => ending).join(" or ")}`;
    return outcome({ diagnostics: [error("bad-option-value", null, "--output", options.output, expected)] });
  }
  const images = options.image ?? [];
  if (images.length > 0 === (options.input !== undefined))
    return outcome({ diagnostics: [error("image-or-input", null)] });
  const job: Omit<ReconstructJob, "adapter" | "stdin"> = {
    spec,
    root: options.root ?? null,
    model: options.model ?? null,
    on: options.on,
    weights: options.weights,
    binding: bindingOf(options),
    images,
    input: options.input ?? null,
    seed: options.seed,
    format,
  };
  const clash = overInput(options.output, [
    spec,
    options.weights,
    ...(options.input === undefined ? [] : [options.input]),
    ...images,
  ]);
  if (clash !== null) return outcome({ diagnostics: [clash] });
  const place = { on: [options.on], adapter: options.adapter ?? null };
  return onExecutors("reconstruct", place, job, result => settle(result, options.output));
}

async function settle(result: Result<Reconstructed>, output: string): Promise<Outcome> {
  if (!result.ok) return outcome({ diagnostics: result.diagnostics });
  const { file, loss, images, stages, on, milliseconds } = result.value;
  const failure = await writeFile(output, [file]);
  if (failure !== null) return outcome({ diagnostics: [...result.diagnostics, failure] });
  return outcome({
    diagnostics: result.diagnostics,
    outputs: [{ path: output, status: "written" }],
    text: images.map(({ name, loss }) => `${shown(name)}: loss ${loss.toFixed(4)}\n`).join(""),
    result: { loss, images, stages },
    notes: [`ran on ${on} in ${milliseconds.toFixed(1)} ms`],
  });
}
