import { type Command, InvalidArgumentError, Option } from "commander";
import type { Diagnostic, Result } from "../../../diagnostics/diagnostic.ts";
import { shown } from "../../../diagnostics/escape.ts";
import { error } from "../../../diagnostics/messages.ts";
import type { Precision } from "../../../model/model.ts";
import type { SiteLayout } from "../../../passes/site-layout.ts";
import { precisionLimits } from "../../../verify/precision-limits.ts";
import { htmlReport, textReport, valuesReport } from "../../../verify/report.ts";
import { type ExecutorName, executorNames, executorStorage, learningExecutors } from "../../executors/executors.ts";
import { overInput } from "../../files/read-so-far.ts";
import { writeFile } from "../../files/write-file.ts";
import { type AdapterKind, adapterKinds } from "../../gpu/adapters.ts";
import type { Differential } from "../../jobs/differential.ts";
import type { Subject } from "../../jobs/subject.ts";
import type { Verification, VerifyJob } from "../../jobs/verify.ts";
import { type Outcome, outcome } from "../../outcome/outcome.ts";
import type { AddCommand } from "../command.ts";
import { onExecutors, type Place } from "../on-executors.ts";
import { choice, choices, seedOption, sitesOption } from "../options.ts";
import { contentOf, disagreeing } from "../verify-text.ts";
import { bindingOf, extraOption, type FileFlags, keyOption, prefixOption, renameOption } from "../weights-options.ts";
import { isArtifact, verifyArtifacts } from "./verify-artifacts.ts";

interface Options extends FileFlags {
  readonly allowExtra?: boolean;
  readonly output?: string;
  readonly model?: string;
  readonly on?: readonly ExecutorName[];
  readonly dtype?: readonly Precision[];
  readonly weights?: string;
  readonly input?: string;
  readonly expect?: string;
  readonly batch: number;
  readonly outputsOnly?: boolean;
  readonly gradients?: boolean;
  readonly tolerance?: number;
  readonly differential?: number;
  readonly seed: number;
  readonly adapter?: AdapterKind;
  readonly sites: SiteLayout;
  readonly root?: string;
}

/** Tensors are outside the heap; the reference's float64 maps are in it. */
const mebibytes = 8192;

const judged = executorNames.filter(name => name !== "reference");

const verifyExamples = `
Examples:
  cnxc verify specs/convnextv2.cnx -m atto
      every executor that is found here, in f32, module by module
  cnxc verify specs/convnextv2.cnx -m atto -w atto.safetensors --on webgpu,cuda-cpu --dtype f32,f16 -o atto.html
  cnxc verify my.cnx -w my.safetensors -i in.npz --expect out.npz --on onnx
      beside what your own PyTorch gave, such as logits or stages.0.0, so that a wrong spec shows too
  cnxc verify specs/micro.cnx -m micro --gradients --on webgpu
      how far each parameter's gradient is from float64's
  cnxc verify --differential 200 --seed 1 --on webgpu,onnx
      models that nobody thought of; what fails is made as small as it can be
  cnxc verify out
      what compile wrote there, byte for byte, and its ONNX graphs, without running them
`;

export const addVerify: AddCommand = (program, execute) => {
  program
    .command("verify")
    .description(
      "compare executors with the float64 reference, module by module, or check what compile wrote; exit with 1 where one is wrong",
    )
    .argument(
      "[spec]",
      "spec file, - for standard input; a folder that compile wrote, or an .onnx file, takes no options; left out with --differential",
    )
    .option("-m, --model <name>", "the model (default: the only one that the spec declares)")
    .addOption(choices("--on <executors>", "what is compared (default: all that are found)", judged))
    .addOption(choices("--dtype <names>", "how they store and multiply (default: f32)", Object.keys(precisionLimits)))
    .option(
      "-w, --weights <file>",
      "weights in any known naming, or random:SEED (default: drawn so that every part matters)",
    )
    .addOption(keyOption())
    .addOption(prefixOption())
    .addOption(renameOption())
    .addOption(extraOption())
    .option("-i, --input <file>", "inputs as cnxc run takes them (default: drawn)")
    .option(
      "--expect <file>",
      "compare with these values too, as your own PyTorch gave them for --input: outputs by the names of cnxc run, modules by their paths",
    )
    .addOption(positive("--batch <images>", "images that are drawn", 64).default(1))
    .option("--outputs-only", "compare the model's outputs and no modules")
    .option("--gradients", "compare the loss and its gradients instead, a line a parameter, in f32")
    .addOption(tolerance())
    .option("-o, --output <page>", "also one HTML page, every value with its error")
    .addOption(positive("--differential <specs>", "compare on so many generated specs instead", 1_000_000))
    .addOption(seedOption("the first generated spec"))
    .addOption(sitesOption())
    .addOption(choice("--adapter <kind>", "WebGPU adapter (default: the first of these there is)", adapterKinds))
    .option("--root <folder>", "the folder that imports may not leave (default: the spec's own)")
    .addHelpText("after", verifyExamples)
    .action((spec: string | undefined, options: Options, command: Command) =>
      execute(() =>
        spec !== undefined && isArtifact(spec)
          ? verifyArtifacts(spec, givenOptions(command))
          : start(spec ?? null, options),
      ),
    );
};

/** The flags that stand on the command line, but for `--json`, which every command takes. */
const givenOptions = (command: Command): readonly string[] =>
  command.options
    .filter(option => command.getOptionValueSource(option.attributeName()) === "cli" && option.long !== "--json")
    .map(option => option.long ?? option.flags);

const positive = (flags: string, description: string, most: number): Option =>
  new Option(flags, description).argParser((text: string): number => {
    if (!/^\d{1,5}$/.test(text) || Number(text) < 1 || Number(text) > most)
      throw new InvalidArgumentError(`it is a whole number from 1 to ${most}`);
    return Number(text);
  });

const tolerance = (): Option =>
  new Option(
    "--tolerance <error>",
    `how far off is right, relative in l2 (default: ${Object.entries(precisionLimits)
      .map(([form, limit]) => `${limit} for ${form}`)
      .join(", ")})`,
  ).argParser((text: string): number => {
    const value = Number(text);
    if (text.trim() === "" || !(value >= 0 && value < 1)) throw new InvalidArgumentError("it is a number from 0 to 1");
    return value;
  });

async function start(spec: string | null, options: Options): Promise<Outcome> {
  const problem = options.expect === undefined ? null : expectProblem(options);
  if (problem !== null) return outcome({ diagnostics: [error("usage", null, problem)] });
  const { subjects, unable } = subjectsOf(options);
  if (subjects.length === 0) return outcome({ diagnostics: [error("usage", null, unable.join("; "))] });
  if (options.differential !== undefined) {
    if (spec !== null)
      return outcome({ diagnostics: [error("usage", null, "--differential generates its specs; leave the spec out")] });
    if (options.gradients)
      return outcome({ diagnostics: [error("usage", null, "--differential compares outputs; leave --gradients out")] });
    if (options.on === undefined) return outcome({ diagnostics: [error("usage", null, "--differential needs --on")] });
    return generated(options.differential, subjects, options);
  }
  if (spec === null) return outcome({ diagnostics: [error("usage", null, "give a spec, or --differential")] });
  return verify(spec, subjects, unable, options);
}

/** Values that were recorded belong to the weights and inputs that gave them. */
function expectProblem({ input, weights, gradients, differential }: Options): string | null {
  if (differential !== undefined) return "--differential draws its weights and inputs; leave --expect out";
  if (gradients) return "--expect compares outputs and modules; leave --gradients out";
  const missing = [input === undefined ? "--input" : [], weights === undefined ? "--weights" : []].flat();
  return missing.length === 0 ? null : `--expect needs ${missing.join(" and ")}, which gave what is expected`;
}

async function generated(count: number, subjects: readonly Subject[], options: Options): Promise<Outcome> {
  const job = { count, seed: options.seed, subjects, tolerance: options.tolerance ?? null };
  return onExecutors("differential", placeOf(subjects, options), job, disagreements);
}

const placeOf = (subjects: readonly Subject[], { adapter }: Options): Place => ({
  on: subjects.map(({ executor }) => executor),
  adapter: adapter ?? null,
  mebibytes,
});

function disagreements(report: Result<Differential>): Outcome {
  if (!report.ok) return outcome({ diagnostics: report.diagnostics });
  const { specs, runs, worst, disagreements: wrong } = report.value;
  const errors = Object.entries(worst).map(([name, off]) => `${name} at most ${off.toExponential(1)} off`);
  return outcome({
    diagnostics: wrong.map(({ subject, seed, why }) =>
      error("mismatch", null, `${subject} is wrong on seed ${seed}: ${why}`),
    ),
    text: [
      `${specs} specs, ${runs} runs, ${wrong.length} disagreements${errors.length > 0 ? `; ${errors.join(", ")}` : ""}\n`,
      ...wrong.map(
        ({ seed, subject, batch, spec }) => `\nseed ${seed} on ${subject}, batch ${batch}, at its smallest:\n${spec}`,
      ),
    ].join(""),
    result: { ...report.value },
  });
}

async function verify(
  spec: string,
  subjects: readonly Subject[],
  unable: readonly string[],
  options: Options,
): Promise<Outcome> {
  const job: Omit<VerifyJob, "adapter" | "stdin"> = {
    spec,
    root: options.root ?? null,
    model: options.model ?? null,
    subjects,
    lenient: options.on === undefined,
    weights: options.weights ?? null,
    binding: bindingOf(options),
    input: options.input ?? null,
    expect: options.expect ?? null,
    batch: options.batch,
    sites: options.sites,
    each: !options.outputsOnly && !options.gradients,
    gradients: options.gradients ?? false,
    tolerance: options.tolerance ?? null,
  };
  const clash =
    options.output === undefined
      ? null
      : overInput(options.output, [spec, options.weights ?? [], options.input ?? [], options.expect ?? []].flat());
  if (clash !== null) return outcome({ diagnostics: [clash] });
  const withoutAdapter = async (why: readonly Diagnostic[]): Promise<Outcome> => {
    if (!job.lenient) return outcome({ diagnostics: why });
    const others = subjects.filter(({ executor }) => executor !== "webgpu");
    const said = [...unable, `webgpu did not run: ${why[0]?.message}`];
    return onExecutors("verify", placeOf(others, options), { ...job, subjects: others }, report =>
      settle(report, said, options),
    );
  };
  return onExecutors("verify", { ...placeOf(subjects, options), without: withoutAdapter }, job, report =>
    settle(report, unable, options),
  );
}

/** Every executor in every form that it can store; those that can store none of them, in words. */
function subjectsOf({ on = judged, dtype = ["f32"], gradients = false }: Options) {
  if (gradients) return learningSubjects(on, dtype);
  const can = (executor: ExecutorName, form: Precision): boolean =>
    form === "tf32" ? executor.startsWith("cuda") : executorStorage[executor].includes(form);
  const subjects = on.flatMap(executor =>
    dtype.filter(form => can(executor, form)).map((form): Subject => ({ executor, form })),
  );
  const unable = on
    .filter(executor => subjects.every(subject => subject.executor !== executor))
    .map(
      executor =>
        `${executor} did not run: it stores ${executorStorage[executor].join(" and ")}, not ${dtype.join(" or ")}`,
    );
  return { subjects, unable };
}

/** Those that compute gradients, in f32. */
function learningSubjects(on: readonly ExecutorName[], dtype: readonly Precision[]) {
  const able = dtype.includes("f32") ? on.filter(executor => learningExecutors.includes(executor)) : [];
  const why = dtype.includes("f32") ? "it computes no gradients" : "gradients are f32";
  return {
    subjects: able.map((executor): Subject => ({ executor, form: "f32" })),
    unable: on.filter(executor => !able.includes(executor)).map(executor => `${executor} did not run: ${why}`),
  };
}

async function settle(
  report: Result<Verification>,
  unable: readonly string[],
  { output, gradients = false }: Options,
): Promise<Outcome> {
  if (!report.ok) return outcome({ diagnostics: report.diagnostics });
  const content = contentOf(report.value, unable);
  const page = output === undefined ? null : await writeFile(output, [new TextEncoder().encode(htmlReport(content))]);
  if (page !== null) return outcome({ diagnostics: [page] });
  const { verdicts } = report.value;
  const none = verdicts.length === 0 ? [error("mismatch", null, "no executor could be compared")] : [];
  return outcome({
    diagnostics: [...report.diagnostics, ...none, ...disagreeing(report.value)],
    outputs: output === undefined ? [] : [{ path: output, status: "written" }],
    text: [
      `${content.facts.map(([name, value]) => `${name}: ${shown(value)}`).join("; ")}\n${textReport(content)}`,
      ...(gradients ? [`\n${valuesReport(content)}`] : []),
    ].join(""),
    result: { ...report.value, skipped: content.skipped },
  });
}
