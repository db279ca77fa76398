import { type Diagnostic, ok, type Result } from "../../../diagnostics/diagnostic.ts";
import { shownPath } from "../../../diagnostics/escape.ts";
import { type StorageType, storageTypes, type TargetName, targetNames } from "../../../model/model.ts";
import type { SiteLayout } from "../../../passes/site-layout.ts";
import type { WebgpuProfileName } from "../../../plan/tiles/tuning-profiles.ts";
import { readStdin } from "../../files/read.ts";
import { readSoFar } from "../../files/read-so-far.ts";
import type { WeightsOptions } from "../../inputs/open-weights.ts";
import type { Provenance } from "../../inputs/provenance.ts";
import type { Compiled, CompiledOpen, CompileRequest, EmitKind } from "../../jobs/compile.ts";
import { runJob } from "../../jobs/run-job.ts";
import { keptNotes, type Outcome, type Output, outcome } from "../../outcome/outcome.ts";
import { checkOutput, findingDiagnostics } from "../../output/check.ts";
import { type Origin, publish } from "../../output/publish.ts";
import { progress } from "../../process/progress.ts";
import { version } from "../../process/version.ts";
import type { AddCommand } from "../command.ts";
import { batchOption, choice, choices, defaulted, list, once, sitesOption, tf32Help } from "../options.ts";
import {
  bindingOf,
  extraOption,
  type FileFlags,
  keyOption,
  prefixOption,
  renameOption,
  strictHelp,
} from "../weights-options.ts";

const opsets = { 20: 20, 17: 17 } as const;
/** Of what reads each layout: transformers.js 2 has ONNX Runtime 1.14, which reads IR version 8 and so opset 17. */
const usualOpset = { plain: 20, huggingface: 17 } as const satisfies Record<Options["layout"], keyof typeof opsets>;

interface Options extends FileFlags {
  readonly output: string;
  readonly model?: string[];
  readonly build?: string;
  readonly target?: TargetName[];
  readonly dtype?: StorageType[];
  readonly tf32?: boolean;
  readonly batch?: { readonly min: number; readonly max: number };
  readonly calibrate?: string;
  readonly weights?: string;
  readonly check?: boolean;
  readonly emit?: EmitKind;
  readonly printAfter?: string;
  readonly time?: boolean;
  readonly explain?: boolean;
  readonly opset?: keyof typeof opsets;
  readonly layout: "plain" | "huggingface";
  readonly onnxInline?: boolean;
  readonly anySize?: boolean;
  readonly torch?: boolean;
  readonly cudaTuning?: string;
  readonly tune: "auto" | WebgpuProfileName;
  readonly preprocess?: boolean;
  readonly bundle?: boolean;
  readonly train?: string;
  readonly sites: SiteLayout;
  readonly allowExtra?: boolean;
  readonly strict?: boolean;
  readonly root?: string;
  readonly outFollow?: boolean;
}

export const addCompile: AddCommand = (program, execute) => {
  program
    .command("compile")
    .description("compile specs to WGSL kernels with a typed host module, to ONNX graphs, and to CUDA libraries")
    .argument("<spec...>", "spec files, - for standard input")
    .option("-o, --output <folder>", "where the output goes, a folder a model", "generated")
    .addOption(list("-m, --model <names>", "models to compile (default: those the spec itself declares)"))
    .option("-b, --build <name>", "compile what a build of the spec says")
    .addOption(choices("-t, --target <names>", "targets (default: all)", targetNames))
    .addOption(choices("--dtype <names>", "storage types (default: f32)", storageTypes))
    .option("--tf32", tf32Help)
    .addOption(batchOption())
    .addOption(
      once(
        "-w, --weights <file>",
        "safetensors, .pt, .pth or .npz, or random:SEED; goes into the ONNX graph and beside the kernels",
      ),
    )
    .addOption(keyOption())
    .addOption(prefixOption())
    .addOption(renameOption())
    .addOption(extraOption())
    .option("--strict", strictHelp)
    .addOption(
      once("--calibrate <file>", "inputs as cnxc run takes them, on which no map of an f16 build may overflow"),
    )
    .option("--check", "write nothing; exit with 1 where the output differs from what is there")
    .addOption(
      choice("--emit <stage>", "print a stage instead of writing files", ["ast", "model", "graph", "plan", "files"]),
    )
    .option("--print-after <pass>", "print the graph after a pass, or after all of them")
    .option("--time", "say how long each phase took")
    .option("--explain", "say what each pass did, what was fused, and the bytes that saves")
    .addOption(
      choice("--opset <number>", "ONNX opset (default: 20, with --layout huggingface 17)", Object.keys(opsets)),
    )
    .addOption(
      defaulted("--layout <name>", "huggingface adds what transformers.js loads", ["plain", "huggingface"], "plain"),
    )
    .option("--onnx-inline", "weights of any size in the ONNX file itself; without it, above 1 GB they stand beside it")
    .option("--any-size", "an ONNX graph for images of any height and width, from the total stride up")
    .option("--torch", "operators for PyTorch beside the CUDA library; with --train, what trains there too")
    .addOption(
      once("--cuda-tuning <table>", "choices for CUDA kernels: a file of cnxc tune, or sm_90, measured on an H200"),
    )
    .addOption(
      defaulted(
        "--tune <adapter>",
        "tiles of the WGSL kernels",
        ["auto", "gpu", "lavapipe", "swiftshader", "software"],
        "auto",
      ),
    )
    .option(
      "--preprocess",
      "also what fits images of any size into the input: WGSL beside the kernels, ONNX in the graph",
    )
    .option("--bundle", "also the host module, its kernels and cnxc/runtime in one file, for pages without a bundler")
    .addOption(
      once(
        "--train <recipe>",
        "also what trains the model of a recipe: in a page createTrainer and its WGSL, for CUDA a C library; and weights to begin from, which are drawn where none are given",
      ),
    )
    .addOption(sitesOption())
    .option("--root <folder>", "the folder that imports may not leave (default: the spec's own)")
    .option("--out-follow", "follow an output folder that is a link out of the project")
    .action((specs: string[], options: Options) => execute(() => compile(specs, options)));
};

async function compile(specs: readonly string[], options: Options): Promise<Outcome> {
  const request: CompileRequest = {
    specs,
    stdin: await readStdin(specs),
    root: options.root ?? null,
    selection: {
      models: options.model ?? null,
      build: options.build ?? null,
      targets: options.target ?? null,
      dtypes: options.dtype ?? null,
      batch: options.batch ?? null,
      ...(options.train === undefined ? {} : { recipe: options.train }),
    },
    emit: options.emit ?? null,
    printAfter: options.printAfter ?? null,
    time: options.time ?? false,
    explain: options.explain ?? false,
    onnx: {
      opset: opsets[options.opset ?? usualOpset[options.layout]],
      layout: options.layout,
      ...(options.onnxInline ? { inline: true } : {}),
      ...(options.anySize ? { anySize: true } : {}),
    },
    torch: options.torch ?? false,
    cudaTuning: options.cudaTuning ?? null,
    calibrate: options.calibrate ?? null,
    tuning: options.tune,
    preprocess: options.preprocess ?? false,
    bundle: options.bundle ?? false,
    sites: options.sites,
    tf32: options.tf32 ?? false,
    weights: options.weights ?? null,
    binding: bindingOf(options),
  };
  const whileRead: Diagnostic[] = [];
  const compiled = await compileInThread(request, diagnostic => whileRead.push(diagnostic));
  if (!compiled.ok) return outcome({ diagnostics: compiled.diagnostics });
  try {
    const { text, notes, files } = compiled.value;
    if (request.emit !== null) return outcome({ diagnostics: compiled.diagnostics, notes, text });
    if (request.weights !== null)
      progress(`${options.check ? "comparing" : "writing"} ${files.length} files with weights`);
    return await publishCompiled(options, originOf(request, compiled.value), compiled, whileRead);
  } finally {
    await compiled.value.close();
  }
}

/** Writes what was compiled, or with `--check` says what would be written; `whileRead` fills meanwhile. */
async function publishCompiled(
  options: Options,
  origin: Origin,
  compiled: Extract<Result<Compiled>, { ok: true }>,
  whileRead: readonly Diagnostic[],
): Promise<Outcome> {
  const { notes, summaries } = compiled.value;
  const place = {
    directory: options.output,
    inputs: [...readSoFar().values()],
    project: process.cwd(),
    followOutside: options.outFollow ?? false,
    files: compiled.value.files,
    origin,
  };
  if (options.check) {
    const checked = await checkOutput(place);
    if (!checked.ok) return outcome({ notes, diagnostics: checked.diagnostics });
    const diagnostics = [...compiled.diagnostics, ...whileRead, ...findingDiagnostics(checked.value)];
    return outcome({ notes, diagnostics });
  }
  const published = await publish(place);
  if (!published.ok) return outcome({ notes, diagnostics: published.diagnostics });
  const { written, unchanged, removed, others, kept } = published.value;
  const outputs = (paths: readonly string[], status: Output["status"]) => paths.map(path => ({ path, status }));
  return outcome({
    diagnostics: [...compiled.diagnostics, ...whileRead],
    outputs: [
      ...outputs(written, "written"),
      ...outputs(unchanged, "unchanged"),
      ...outputs(removed, "removed"),
      ...outputs(others, "other"),
      ...outputs(kept, "kept"),
    ],
    text: [
      ...summaries,
      `${shownPath(options.output)}: ${written.length} files written, ${unchanged.length} unchanged, ${removed.length} removed${others.length === 0 ? "" : `, ${others.length} of other models as they were`}`,
      "",
    ].join("\n"),
    notes: [...notes, ...keptNotes(kept)],
  });
}

/** Weights are read while they are written, so with them the work stays in this thread. */
async function compileInThread(
  request: CompileRequest,
  report: (diagnostic: Diagnostic) => void,
): Promise<Result<CompiledOpen>> {
  if (request.weights !== null) return (await import("../../jobs/compile.ts")).compileSpecs(request, report);
  const compiled = await runJob("compile", [request]);
  return compiled.ok ? ok({ ...compiled.value, close: async () => {} }, compiled.diagnostics) : compiled;
}

/** What the manifest says the output was made from. What standard input holds may be another spec each time. */
const originOf = (request: CompileRequest, { specs, weights }: Compiled): Origin => ({
  compiler: version,
  specs: specs.map(({ spec, name, sha256, models }) => ({
    name,
    sha256,
    ...(spec === "-" ? {} : { file: spec }),
    folders: models,
  })),
  options: originOptions(request, weights),
  partial: isPartial(request),
});

const isPartial = ({ specs, selection: { models, build, recipe } }: CompileRequest): boolean =>
  models !== null || build !== null || recipe !== undefined || specs.includes("-");

/** What it says it was made with: nothing about this machine. */
const originOptions = (
  { selection, onnx, torch, cudaTuning, tuning, preprocess, bundle, sites, tf32, weights, binding }: CompileRequest,
  provenance: Provenance | null,
): Readonly<Record<string, unknown>> => ({
  ...selection,
  onnx,
  tuning,
  ...(torch ? { torch } : {}),
  ...(cudaTuning === null ? {} : { cudaTuning: baseName(cudaTuning) }),
  ...(preprocess ? { preprocess } : {}),
  ...(bundle ? { bundle } : {}),
  ...(sites === "auto" ? {} : { sites }),
  ...(tf32 ? { tf32 } : {}),
  weights: provenance ?? weights,
  ...namesOf(binding),
});

/** Which tensors of the file were taken, where that was said. */
const namesOf = ({ key, stripPrefix, rename }: WeightsOptions): Readonly<Record<string, unknown>> => ({
  ...(key === null ? {} : { key }),
  ...(stripPrefix === null ? {} : { stripPrefix }),
  ...(rename.length === 0 ? {} : { rename }),
});

const baseName = (file: string): string => file.split(/[\\/]/).at(-1) ?? file;
