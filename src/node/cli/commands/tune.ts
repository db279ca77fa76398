import { existsSync } from "node:fs";
import { InvalidArgumentError, Option } from "commander";
import { fail, ok, type Result } from "../../../diagnostics/diagnostic.ts";
import { error } from "../../../diagnostics/messages.ts";
import { mergeRows, printTable, type TuningRow, type TuningTable } from "../../../emit/cuda/tuning-table.ts";
import { maxBatch, type StorageType, storageTypes } from "../../../model/model.ts";
import type { SiteLayout } from "../../../passes/site-layout.ts";
import type { ExecutorName } from "../../executors/executors.ts";
import type { CudaMachine } from "../../executors/toolchain.ts";
import { readStdin } from "../../files/read.ts";
import { overInput } from "../../files/read-so-far.ts";
import { replaceFile, writeFile } from "../../files/write-file.ts";
import { openTable } from "../../inputs/tuning-table.ts";
import type { Tuned } from "../../jobs/tune.ts";
import { type Outcome, outcome } from "../../outcome/outcome.ts";
import { progress } from "../../process/progress.ts";
import type { AddCommand } from "../command.ts";
import { defaulted, repeated, sitesOption, tf32Help } from "../options.ts";
import { bindingOf, extraOption, type FileFlags, keyOption, prefixOption, renameOption } from "../weights-options.ts";

/** What runs the kernels, by the name of its executor. */
const machines = { cuda: "gpu", "cuda-cpu": "cpu" } as const satisfies { readonly [K in ExecutorName]?: CudaMachine };

interface Options extends FileFlags {
  readonly allowExtra?: boolean;
  readonly output: string;
  readonly model?: string;
  readonly on: keyof typeof machines;
  readonly dtype: StorageType;
  readonly tf32?: boolean;
  readonly batch: number;
  readonly candidates: number;
  readonly weights?: string;
  readonly sites: SiteLayout;
  readonly merge?: readonly string[];
  readonly root?: string;
}

const tuneExamples = `
Examples:
  cnxc tune specs/convnextv2.cnx -m tiny --dtype bf16 --batch 256 -o h200.json
      measures on the GPU of this machine; rows that h200.json has of other shapes stay
  cnxc compile specs/convnextv2.cnx -m tiny -t cuda --dtype bf16 --batch 1..256 --cuda-tuning h200.json
  cnxc tune --merge h200.json --merge other.json -o both.json
`;

const count = (flags: string, description: string, most: number): Option =>
  new Option(flags, description).argParser((text: string): number => {
    const value = Number(text);
    if (!/^\d{1,5}$/.test(text) || value < 1 || value > most)
      throw new InvalidArgumentError(`it is a whole number from 1 to ${most}`);
    return value;
  });

export const addTune: AddCommand = (program, execute) => {
  program
    .command("tune")
    .description("measure CUDA kernels on the device at hand and write the best choices to a table for compile")
    .argument("[spec]", "spec file, - for standard input; left out where tables are only merged")
    .requiredOption(
      "-o, --output <table>",
      "the table; one of the same architecture that is there keeps its other rows",
    )
    .option("-m, --model <name>", "the model (default: the only one that the spec declares)")
    .addOption(defaulted("--on <machine>", "what runs the kernels; cuda-cpu rehearses", Object.keys(machines), "cuda"))
    .addOption(defaulted("--dtype <name>", "storage type", storageTypes, "bf16"))
    .option("--tf32", tf32Help)
    .addOption(count("--batch <images>", "images of a launch", maxBatch).default(1))
    .addOption(count("--candidates <number>", "most choices tried of each shape, a build each", 64).default(12))
    .option("-w, --weights <file>", "weights to check the outputs with (default: drawn so that every part matters)")
    .addOption(keyOption())
    .addOption(prefixOption())
    .addOption(renameOption())
    .addOption(extraOption())
    .addOption(sitesOption())
    .addOption(repeated("--merge <table>", "rows of another table; of equal shapes the later one's stay"))
    .option("--root <folder>", "the folder that imports may not leave (default: the spec's own)")
    .addHelpText("after", tuneExamples)
    .action((spec: string | undefined, options: Options) => execute(() => tune(spec ?? null, options)));
};

async function tune(spec: string | null, options: Options): Promise<Outcome> {
  const { output, merge = [] } = options;
  if (spec === null && merge.length === 0)
    return outcome({ diagnostics: [error("usage", null, "give a spec to measure, or tables to --merge")] });
  if (options.tf32 && options.dtype !== "f32")
    return outcome({ diagnostics: [error("tf32-misplaced", null, options.dtype, "--dtype f32")] });
  const clash = overInput(output, [spec ?? [], options.weights ?? []].flat());
  if (clash !== null) return outcome({ diagnostics: [clash] });
  // The one file that is read and written: its other rows stay.
  const grows = existsSync(output);
  const known = joined([...(grows ? [output] : []), ...merge]);
  if (!known.ok) return outcome({ diagnostics: known.diagnostics });
  const measured = spec === null ? ok(null) : await measure(spec, options);
  if (!measured.ok) return outcome({ diagnostics: measured.diagnostics });
  const tuned = measured.value;
  const table = tuned === null ? known : withTable(known.value, tuned.table, output);
  if (!table.ok) return outcome({ diagnostics: table.diagnostics });
  const text = printTable(table.value as TuningTable);
  const failure = await (grows ? replaceFile(output, text) : writeFile(output, [new TextEncoder().encode(text)]));
  if (failure !== null) return outcome({ diagnostics: [failure] });
  return outcome({
    diagnostics: measured.diagnostics,
    outputs: [{ path: output, status: "written" }],
    text: tuned === null ? `${(table.value as TuningTable).rows.length} rows\n` : report(tuned),
    result: tuned === null ? null : { ...tuned },
    notes: tuned === null ? [] : remarks(tuned),
  });
}

const remarks = ({ skipped, usual, tuned }: Tuned): readonly string[] => [
  ...skipped,
  ...(tuned > usual ? ["the whole pass is not faster with the table: measure again on an idle device"] : []),
];

async function measure(spec: string, options: Options): Promise<Result<Tuned>> {
  const job = {
    spec,
    stdin: await readStdin([spec]),
    root: options.root ?? null,
    model: options.model ?? null,
    machine: machines[options.on],
    dtype: options.dtype,
    tf32: options.tf32 ?? false,
    batch: options.batch,
    sites: options.sites,
    weights: options.weights ?? null,
    binding: bindingOf(options),
    candidates: options.candidates,
  } as const;
  return (await import("../../jobs/tune.ts")).tune(job, progress);
}

/** Tables in the order of the files; null where there is none. */
function joined(files: readonly string[]): Result<TuningTable | null> {
  let all: TuningTable | null = null;
  for (const file of files) {
    const table = openTable(file);
    if (!table.ok) return table;
    const both = withTable(all, table.value, file);
    if (!both.ok) return both;
    all = both.value;
  }
  return ok(all);
}

function withTable(known: TuningTable | null, added: TuningTable, file: string): Result<TuningTable> {
  if (known === null) return ok(added);
  if (known.architecture !== added.architecture)
    return fail(error("tuning-architecture", { file, offset: null }, added.architecture, known.architecture));
  const devices = [...new Set([...known.device.split(", "), ...added.device.split(", ")])];
  return ok({ ...known, device: devices.join(", "), rows: mergeRows(known.rows, added.rows) });
}

type Texts = readonly [shape: string, choice: string];

/** A row in words, by its kernel. */
const inWords: { readonly [K in TuningRow["kernel"]]: (row: Extract<TuningRow, { readonly kernel: K }>) => Texts } = {
  product: ({ shape, choice }) => [
    `${shape.rows} x ${shape.depth} x ${shape.columns}`,
    `${choice.rows} x ${choice.columns}, warps of ${choice.warpRows} rows, ${choice.stages} steps of ${choice.step}${choice.split > 1 ? `, k in ${choice.split} parts` : ""}`,
  ],
  depthwise: ({ shape, choice }) => [
    `${shape.height} x ${shape.width} x ${shape.channels}, ${shape.kernel} x ${shape.kernel}`,
    `${choice.rows} x ${choice.columns} sites a thread, ${choice.groups} along the row${choice.strip > choice.rows ? `, down ${choice.strip} rows` : ""}`,
  ],
  mlp: ({ shape, choice }) => [
    `${shape.rows} x ${shape.depth} x ${shape.columns} x ${shape.depth}`,
    choice.wide === "stored"
      ? "values between the linears stored"
      : `values between made anew: ${choice.rows} rows, warps of ${choice.warpRows}, steps of ${choice.step}`,
  ],
};

const textsOf = (row: TuningRow): Texts => (inWords[row.kernel] as (row: TuningRow) => Texts)(row);

function report({ shapes, usual, tuned, error: off }: Tuned): string {
  const rows = shapes.map(({ row, launches, tried }) => {
    const [shape, choice] = textsOf(row);
    const { usual = Number.NaN, milliseconds = Number.NaN } = row.times ?? {};
    return [row.kernel, shape, `${launches}`, `${tried}`, usual.toPrecision(4), milliseconds.toPrecision(4), choice];
  });
  const head = ["kernel", "shape", "launches", "tried", "usual ms", "best ms", "choice"];
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map(row => (row[i] as string).length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => (i >= 2 && i <= 5 ? cell.padStart(widths[i] as number) : cell.padEnd(widths[i] as number)))
      .join("  ")
      .trimEnd();
  const whole = `a pass: ${usual} ms as usual, ${tuned} ms with the table; outputs ${off.toExponential(1)} from strict f32`;
  return `${[head, ...rows].map(line).join("\n")}\n${whole}\n`;
}
