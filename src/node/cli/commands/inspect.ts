import { Option } from "commander";
import { readStdin } from "../../files/read.ts";
import { overInput } from "../../files/read-so-far.ts";
import { writeFile } from "../../files/write-file.ts";
import type { InspectJob, Shown } from "../../jobs/inspect.ts";
import { runJob } from "../../jobs/run-job.ts";
import { type Outcome, outcome } from "../../outcome/outcome.ts";
import type { AddCommand } from "../command.ts";
import { type LoweringOptions, loweringChoice, loweringDtype, loweringTarget } from "../lowering-options.ts";
import { batchOption, sitesOption } from "../options.ts";

interface Options extends LoweringOptions, Readonly<Partial<Record<Shown, boolean>>> {
  readonly model?: string;
  readonly output?: string;
  readonly gradients?: boolean;
  readonly root?: string;
}

const examples = `
Examples:
  cnxc inspect specs/convnextv2.cnx -m atto -o atto.html
      passes, kernels with their text, and memory, as one page
  cnxc inspect specs/convnextv2.cnx -m atto --target cuda --dtype bf16
      passes, kernels and memory on the terminal
  cnxc inspect specs/convnextv2.cnx -m atto --dot > atto.dot
`;

export const addInspect: AddCommand = (program, execute) => {
  program
    .command("inspect")
    .description("what becomes of a model: the graph after each pass, kernels in order, memory over time")
    .argument("<spec>", "spec file, - for standard input")
    .option("-m, --model <name>", "the model (default: the only one that the spec declares)")
    .addOption(loweringTarget())
    .addOption(loweringDtype())
    .addOption(batchOption())
    .addOption(sitesOption())
    .option("--gradients", "the model as it learns: its loss, and the gradients of all parameters")
    .option("-o, --output <page>", "one HTML page that stands alone, and nothing printed unless asked for")
    .option("--text", "print passes, kernels and memory (default without -o)")
    .addOption(new Option("--mermaid", "print the final graph for Mermaid").conflicts(["text", "dot"]))
    .addOption(new Option("--dot", "print the final graph for Graphviz").conflicts("text"))
    .option("--root <folder>", "the folder that imports may not leave (default: the spec's own)")
    .addHelpText("after", examples)
    .action((spec: string, options: Options) => execute(() => inspect(spec, options)));
};

const printed: readonly Shown[] = ["text", "mermaid", "dot"];

async function inspect(spec: string, options: Options): Promise<Outcome> {
  const { output } = options;
  const job: InspectJob = {
    spec,
    root: options.root ?? null,
    stdin: await readStdin([spec]),
    model: options.model ?? null,
    ...loweringChoice(options),
    show: printed.find(name => options[name]) ?? (output === undefined ? "text" : null),
    page: output !== undefined,
    gradients: options.gradients ?? false,
  };
  const clash = output === undefined ? null : overInput(output, [spec]);
  if (clash !== null) return outcome({ diagnostics: [clash] });
  const found = await runJob("inspect", [job]);
  if (!found.ok) return outcome({ diagnostics: found.diagnostics });
  const { text, page, result } = found.value;
  if (output === undefined || page === null)
    return outcome({ diagnostics: found.diagnostics, text, result: { ...result } });
  const failure = await writeFile(output, [new TextEncoder().encode(page)]);
  if (failure !== null) return outcome({ diagnostics: [...found.diagnostics, failure] });
  return outcome({
    diagnostics: found.diagnostics,
    outputs: [{ path: output, status: "written" }],
    text,
    result: { ...result },
  });
}
