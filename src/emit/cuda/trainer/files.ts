import { renderTemplate } from "../../../embedded/render-template.ts";
import { distinctKernels, type Plan } from "../../../plan/plan.ts";
import { banner } from "../../banner.ts";
import type { EmitContext, OutputFile } from "../../target.ts";
import { deviceText, kernelList, kernelText, packText, sharedOf } from "../files.ts";
import { launchPlan } from "../launch-plan.ts";
import { portsOf } from "../ports.ts";
import { align, partial, stateOf, type TrainerState } from "./state.ts";

/** What a library that trains is emitted with besides its plan. */
export interface TrainerOptions {
  /** An average of the weights is kept. */
  readonly ema: boolean;
}

/** The C and C++ sources of what trains a model, as a folder that CMake builds. */
export function cudaTrainerFiles(
  given: Plan,
  context: Pick<EmitContext, "specName" | "version">,
  { ema }: TrainerOptions,
): readonly OutputFile[] {
  const plan: Plan = { ...given, name: `${given.name}_train` };
  const state = stateOf(plan);
  const lines = banner(context);
  const slashes = lines.map(line => `// ${line}\n`).join("");
  const stars = `/* ${lines.join("\n * ")} */\n`;
  const shared = sharedOf(plan);
  const { kernels } = distinctKernels(plan.steps);
  const optimizer = { ...kernelList(plan), ...optimizerContext(state), ema, learned: true };
  const library = { ...shared, ...trainerContext(given.name, plan, state), ema };
  const files: readonly (readonly [path: string, contents: string])[] = [
    ["device.h", slashes + deviceText(plan)],
    ["kernels.h", slashes + renderTemplate("host/kernel-list", optimizer)],
    ...kernels.map(one => [`${one.name}.cu`, slashes + kernelText(one, plan)] as const),
    ["pack.cu", slashes + packText(plan, true)],
    ["optimizer.cu", slashes + renderTemplate("cuda/optimizer", optimizer)],
    [shared.header, stars + renderTemplate("host/trainer-api", library)],
    [`${shared.prefix}.cu`, slashes + renderTemplate("host/trainer", library)],
    ["run.cu", slashes + renderTemplate("host/trainer-runner", library)],
  ];
  return files.map(([path, contents]) => ({ path: `cuda/train/${path}`, contents }));
}

const optimizerContext = ({ shelf, partials }: TrainerState) => ({ shelf, partials, align, partial, warps: 8 });

function trainerContext(model: string, plan: Plan, state: TrainerState) {
  const tables = launchPlan(plan, state);
  const gradients = new Set([...state.learned.values()].map(({ gradient }) => gradient));
  const own = { ...plan, outputs: plan.outputs.filter(({ buffer }) => !gradients.has(buffer)) };
  const ports = portsOf(own);
  return {
    ...tables,
    ...state,
    learned: true,
    align,
    summary: `What trains ConvNeXt ${model}: its gradients and AdamW, as CUDA kernels.`,
    tf32: plan.precision === "tf32",
    parameterCount: plan.params.length,
    parameters: tables.parameters.map(of => ({ ...of, place: state.learned.get(of.name)?.place ?? 0 })),
    segmentCount: state.segments.length,
    ports,
    inputs: ports.filter(port => port.input).map((port, index) => ({ ...port, index })),
    inputCount: plan.inputs.length,
  };
}
