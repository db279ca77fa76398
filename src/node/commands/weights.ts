import type { Command } from "commander";
import { ok, type Result } from "../../diagnostics/diagnostic.ts";
import { printArchitecture, printDecoder } from "../../weights/architecture.ts";
import { convertWeights } from "../../weights/convert.ts";
import { type Inspection, inspectWeights } from "../../weights/inspect.ts";
import { type Dialect, dialects } from "../../weights/names.ts";
import { writeSafetensors } from "../../weights/safetensors.ts";
import type { TensorFile } from "../../weights/tensor.ts";
import { readTensorFile } from "../../weights/tensor-file.ts";
import { openSource } from "../byte-source.ts";
import type { AddCommand } from "../command.ts";
import { catchingFailures } from "../failure.ts";
import { choice } from "../options.ts";
import { type Outcome, outcome } from "../outcome.ts";
import { writeFile } from "../write-file.ts";

const convertExamples = `
Examples:
  cnxc weights convert pretrained.safetensors --to official -o encoder.safetensors
      a training state of the masked autoencoder under the names of the dense code, decoder included
  cnxc weights convert pretrained.safetensors --to timm --allow-unused -o timm.safetensors
      its encoder alone, as timm names and shapes it
  cnxc weights convert model.safetensors --to huggingface -o out/model.safetensors
`;

const inspectExamples = `
Examples:
  cnxc weights inspect model.safetensors
  cnxc weights inspect model.safetensors --json      the same under "result", for a program
`;

export const addWeights: AddCommand = (program, execute) => {
  const group = program
    .command("weights")
    .description("convert weights to another naming, or say what a file holds")
    .helpCommand(false);
  addConvert(group, execute);
  addInspect(group, execute);
};

interface ConvertOptions {
  readonly output: string;
  readonly to: Dialect;
  readonly allowUnused?: boolean;
}

function addConvert(group: Command, execute: Parameters<AddCommand>[1]): void {
  group
    .command("convert")
    .description("the same weights in another naming and layout, element types as they are")
    .argument("<file>", "safetensors, .pt, .pth or .npz, in any known naming")
    .requiredOption("-o, --output <file>", "where they go, as safetensors")
    .addOption(choice("--to <naming>", "the naming that is wanted", dialects).makeOptionMandatory())
    .option("--allow-unused", "leave out tensors that have no place in that naming")
    .addHelpText("after", convertExamples)
    .action((file: string, options: ConvertOptions) => execute(() => convert(file, options)));
}

function addInspect(group: Command, execute: Parameters<AddCommand>[1]): void {
  group
    .command("inspect")
    .description("what a file of weights holds: naming, size, tensors, what it can be used for")
    .argument("<file>", "safetensors, .pt, .pth or .npz, in any known naming")
    .addHelpText("after", inspectExamples)
    .action((file: string) => execute(() => inspect(file)));
}

/** Work on a file whose header has been read; the file is closed afterwards. */
async function withTensors<T>(file: string, work: (tensors: TensorFile) => Promise<Result<T>>): Promise<Result<T>> {
  return catchingFailures(async () => {
    const source = await openSource(file);
    if (!source.ok) return source;
    try {
      const tensors = await readTensorFile(source.value);
      if (!tensors.ok) return tensors;
      const done = await work(tensors.value);
      return { ...done, diagnostics: [...tensors.diagnostics, ...done.diagnostics] };
    } finally {
      await source.value.close();
    }
  });
}

async function convert(file: string, { output, to, allowUnused = false }: ConvertOptions): Promise<Outcome> {
  const result = await withTensors(file, async tensors => {
    const converted = convertWeights(tensors, to, allowUnused);
    if (!converted.ok) return converted;
    const metadata = Object.fromEntries(tensors.metadata);
    const failure = await writeFile(output, writeSafetensors(converted.value.tensors, metadata));
    if (failure !== null) return { ok: false, diagnostics: [...converted.diagnostics, failure] };
    return ok(converted.value, converted.diagnostics);
  });
  if (!result.ok) return outcome({ diagnostics: result.diagnostics });
  const { from, tensors } = result.value;
  return outcome({
    diagnostics: result.diagnostics,
    outputs: [{ path: output, status: "written" }],
    text: `${output}: ${tensors.length} tensors, from ${from} to ${to}\n`,
    result: { from, to, tensors: tensors.length },
  });
}

async function inspect(file: string): Promise<Outcome> {
  const result = await withTensors(file, async tensors => inspectWeights(tensors));
  if (!result.ok) return outcome({ diagnostics: result.diagnostics });
  const lines = describe(result.value).map(([what, text]) => `  ${what.padEnd(12)} ${text}\n`);
  const { kind, dialect } = result.value;
  return outcome({
    diagnostics: result.diagnostics,
    text: `${file}: ${kind}, ${dialect} naming\n${lines.join("")}`,
    result: { ...result.value },
  });
}

const grouped = (n: number): string => `${n}`.replaceAll(/\B(?=(\d{3})+$)/g, ",");
const few = (names: readonly string[]): string =>
  `${names.slice(0, 5).join(", ")}${names.length > 5 ? `, and ${names.length - 5} more` : ""}`;

/** What there is to say, a line each. */
function describe(found: Inspection): readonly (readonly [what: string, text: string])[] {
  const { size, architecture, channels, stemPatch, kernels, mlpRatio, classes, decoder, tensors } = found;
  const patches = decoder?.patchSize ? `, patches of ${decoder.patchSize}` : "";
  const metadata = Object.entries(found.metadata).map(([key, value]) => `${key} ${JSON.stringify(value)}`);
  const rows: readonly (readonly [what: string, text: string | null])[] = [
    ["size", size],
    ["stages", architecture && printArchitecture(architecture)],
    ["stem", channels && `patch ${stemPatch}, ${channels} ${channels === 1 ? "channel" : "channels"}`],
    ["kernels", [...new Set(kernels)].join(", ")],
    ["mlp ratio", mlpRatio && `${mlpRatio}`],
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
    ["not known", few(found.unknown)],
    ["odd shapes", few(found.misshapen)],
    ["metadata", few(metadata)],
  ].map(([what, text]) => [what, text || null] as [string, string | null]);
  return rows.flatMap(([what, text]) => (text === null ? [] : [[what, text] as const]));
}
