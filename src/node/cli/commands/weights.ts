import type { Command } from "commander";
import { type Diagnostic, ok } from "../../../diagnostics/diagnostic.ts";
import { shownPath } from "../../../diagnostics/escape.ts";
import { Failure } from "../../../diagnostics/failure.ts";
import { grouped } from "../../../html/figures.ts";
import type { WeightDType } from "../../../weights/dtype.ts";
import { writeSafetensors } from "../../../weights/formats/safetensors.ts";
import { printArchitecture, printDecoder } from "../../../weights/names/architecture.ts";
import { type Dialect, dialects } from "../../../weights/names/names.ts";
import { unwrapped } from "../../../weights/names/unwrapped.ts";
import type { CastReport } from "../../../weights/use/cast.ts";
import { convertWeights } from "../../../weights/use/convert.ts";
import { type Inspection, inspectWeights } from "../../../weights/use/inspect.ts";
import { writeFile } from "../../files/write-file.ts";
import { withTensors } from "../../inputs/with-tensors.ts";
import { type Outcome, outcome } from "../../outcome/outcome.ts";
import { formatOf, formatProblem } from "../../output/tensor-format.ts";
import type { AddCommand } from "../command.ts";
import { choice, count } from "../options.ts";
import { choiceOf, extraOption, type FileFlags, keyOption, prefixOption, renameOption } from "../weights-options.ts";
import { castText, few } from "../weights-text.ts";
import { addDiff } from "./weights-diff.ts";

const convertExamples = `
Examples:
  cnxc weights convert pretrained.safetensors --to official -o encoder.safetensors
      a training state of the masked autoencoder under the names of the dense code, decoder included
  cnxc weights convert pretrained.safetensors --to timm --allow-unused -o timm.safetensors
      its encoder alone, as timm names and shapes it
  cnxc weights convert model.safetensors --to huggingface -o out/model.safetensors
  cnxc weights convert model.safetensors --dtype f16 -o half.safetensors
  cnxc weights convert model.safetensors --in-chans 1 --classes 20 -o start.safetensors
      for grey images of 20 kinds: the stem summed over RGB, a head of zeros to be trained
  cnxc weights convert pretrained.safetensors --classes 20 -o start.safetensors
      a state of pre-training as a classifier starts from it: official names, no decoder
  cnxc weights convert last.ckpt --strip-prefix model. --rename cls.=head. -o model.safetensors
      what another program has wrapped and named in its own way
`;

const inspectExamples = `
Examples:
  cnxc weights inspect model.safetensors
  cnxc weights inspect model.safetensors --json      the same under "result", for a program
`;

export const addWeights: AddCommand = (program, execute) => {
  const group = program
    .command("weights")
    .description("convert weights, compare two files of them, or say what a file holds")
    .helpCommand(false);
  addConvert(group, execute);
  addInspect(group, execute);
  addDiff(group, execute);
};

interface ConvertOptions extends FileFlags {
  readonly allowExtra?: boolean;
  readonly output: string;
  readonly to?: Dialect;
  readonly dtype?: keyof typeof dtypes;
  readonly saturate?: boolean;
  readonly inChans?: number;
  readonly classes?: number;
  readonly allowUnused?: boolean;
}

const formats = ["safetensors"] as const;

const dtypes = { f32: "F32", f16: "F16", bf16: "BF16" } as const satisfies Record<string, WeightDType>;

function addConvert(group: Command, execute: Parameters<AddCommand>[1]): void {
  group
    .command("convert")
    .description("the same weights in another naming and layout, or rounded, or fitted to another input or head")
    .argument("<file>", "safetensors, .pt, .pth or .npz, in any known naming")
    .requiredOption("-o, --output <file>", "where they go, as safetensors")
    .addOption(choice("--to <naming>", "the naming that is wanted (default: the file's own)", dialects))
    .addOption(choice("--dtype <name>", "element type (default: the file's own)", Object.keys(dtypes)))
    .option("--saturate", "write the largest value of that type for those beyond it")
    .addOption(count("--in-chans <number>", "another number of input channels", 1, 65_536))
    .addOption(count("--classes <number>", "a new head of so many classes, all zeros; 0 for none", 0, 1_000_000))
    .addOption(keyOption())
    .addOption(prefixOption())
    .addOption(renameOption())
    .addOption(extraOption())
    .option("--allow-unused", "leave out tensors that have no place in that naming")
    .addHelpText("after", convertExamples)
    .action((file: string, options: ConvertOptions) => execute(() => convert(file, options)));
}

function addInspect(group: Command, execute: Parameters<AddCommand>[1]): void {
  group
    .command("inspect")
    .description("what a file of weights holds: naming, size, tensors, what it can be used for")
    .argument("<file>", "safetensors, .pt, .pth or .npz, in any known naming")
    .addOption(keyOption())
    .addOption(prefixOption())
    .addOption(renameOption())
    .addOption(extraOption())
    .addHelpText("after", inspectExamples)
    .action((file: string, options: FileFlags) => execute(() => inspect(file, options)));
}

async function convert(file: string, options: ConvertOptions): Promise<Outcome> {
  const { output, dtype, inChans, classes, allowUnused = false, allowExtra = false } = options;
  if (formatOf(output, formats) === null) return outcome({ diagnostics: [formatProblem("--output", output, formats)] });
  const whileRead: Diagnostic[] = [];
  const reports: CastReport[] = [];
  // What is wrong with a value shows when it is read, and nothing of the file is in its place yet.
  const report = (diagnostic: Diagnostic): void => {
    if (diagnostic.severity === "error") throw new Failure(diagnostic);
    whileRead.push(diagnostic);
  };
  const done = (of: CastReport): void => void reports.push(of);
  const saturate = options.saturate ?? false;
  const result = await withTensors(file, choiceOf(options), async tensors => {
    const converted = convertWeights(tensors, {
      to: options.to ?? null,
      allowUnused: allowUnused || allowExtra,
      adaptation: { channels: inChans ?? null, classes: classes ?? null },
      ...(dtype === undefined ? {} : { cast: { dtype: dtypes[dtype], saturate, report, done } }),
    });
    if (!converted.ok) return converted;
    // Names and layouts are PyTorch's, and transformers reads no file that does not say so.
    const metadata = { ...Object.fromEntries(tensors.metadata), format: "pt" };
    const failure = await writeFile(output, writeSafetensors(converted.value.tensors, metadata));
    if (failure !== null) return { ok: false, diagnostics: [...converted.diagnostics, failure] };
    return ok(converted.value, converted.diagnostics);
  });
  if (!result.ok) return outcome({ diagnostics: result.diagnostics });
  const { from, to, tensors, notes } = result.value;
  return outcome({
    diagnostics: [...result.diagnostics, ...whileRead],
    outputs: [{ path: output, status: "written" }],
    text: `${shownPath(output)}: ${tensors.length} tensors, from ${from} to ${to}\n${notes.map(note => `  ${note}\n`).join("")}${castText(reports)}`,
    result: {
      from,
      to,
      tensors: tensors.length,
      ...(notes.length > 0 ? { adapted: notes } : {}),
      ...(dtype === undefined ? {} : { rounded: reports }),
    },
  });
}

async function inspect(file: string, options: FileFlags): Promise<Outcome> {
  const result = await withTensors(file, choiceOf(options), async (tensors, { sha256 }) => {
    const inside = unwrapped(tensors);
    const found = inside.ok ? inspectWeights(inside.value) : inside;
    return found.ok
      ? ok({ ...found.value, sha256: await sha256() }, [...inside.diagnostics, ...found.diagnostics])
      : found;
  });
  if (!result.ok) return outcome({ diagnostics: result.diagnostics });
  const lines = inspectionRows(result.value).map(([what, text]) => `  ${what.padEnd(12)} ${text}\n`);
  const { kind, dialect } = result.value;
  return outcome({
    diagnostics: result.diagnostics,
    text: `${shownPath(file)}: ${kind}, ${dialect} naming\n${lines.join("")}`,
    result: { ...result.value },
  });
}

/** What there is to say, a line each. */
function inspectionRows(
  found: Inspection & { readonly sha256: string },
): readonly (readonly [what: string, text: string])[] {
  const { size, architecture, channels, overlap, kernels, mlpRatio, classes, hiddenSize, decoder, tensors } = found;
  const patches = decoder?.patchSize ? `, patches of ${decoder.patchSize}` : "";
  const metadata = Object.entries(found.metadata).map(([key, value]) => `${key} ${JSON.stringify(value)}`);
  const rows: readonly (readonly [what: string, text: string | null])[] = [
    ["size", size],
    ["stages", architecture && printArchitecture(architecture)],
    [
      "stem",
      channels && `${overlap ?? `patch ${found.stemPatch}`}, ${channels} ${channels === 1 ? "channel" : "channels"}`,
    ],
    ["kernels", [...new Set(kernels)].join(", ")],
    ["mlp ratio", mlpRatio && `${mlpRatio}`],
    ["hidden size", hiddenSize && grouped(hiddenSize)],
    ["classes", classes && grouped(classes)],
    ["decoder", decoder && `${printDecoder(decoder)}${patches}`],
    ["parameters", grouped(found.parameters)],
    [
      "tensors",
      Object.entries(tensors)
        .map(([dtype, n]) => `${grouped(n)} ${dtype}`)
        .join(", "),
    ],
    ["bytes", grouped(found.bytes)],
    ["sha256", found.sha256],
    ["not known", few(found.unknown)],
    ["odd shapes", few(found.misshapen)],
    ["metadata", few(metadata)],
  ].map(([what, text]) => [what, text || null] as [string, string | null]);
  return rows.flatMap(([what, text]) => (text === null ? [] : [[what, text] as const]));
}
