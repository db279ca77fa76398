import { renderTemplate } from "../../../embedded/render-template.ts";
import { lossScale } from "../../../model/loss-scale.ts";
import type { Model, Recipe } from "../../../model/model.ts";
import { distinctKernels, type Plan } from "../../../plan/plan.ts";
import { learnedBy } from "../../../training/learned.ts";
import { drawnBy } from "../../../weights/made/random.ts";
import { banner } from "../../banner.ts";
import type { EmitContext, OutputFile, Training } from "../../target.ts";
import { deviceText, kernelList, kernelText, packText, sharedOf, valuesOf } from "../files.ts";
import { launchPlan } from "../launch-plan.ts";
import { portsOf } from "../ports.ts";
import { optimizerFiles } from "./optimizer.ts";
import { align, stateOf, type TrainerState } from "./state.ts";
import { torchTrainerFiles } from "./torch.ts";

/**
 * The C and C++ sources of what trains a model by a recipe, as a folder that CMake builds, and with `torch` what PyTorch
 * trains it by.
 */
export function cudaTrainerFiles(
  { plan: given, recipe }: Training,
  context: Pick<EmitContext, "model" | "weights" | "specName" | "version">,
  torch = false,
): readonly OutputFile[] {
  const plan: Plan = { ...given, name: `${given.name}_train` };
  const state = stateOf(plan);
  const ema = recipe.ema !== null;
  const lines = banner(context);
  const slashes = lines.map(line => `// ${line}\n`).join("");
  const stars = `/* ${lines.join("\n * ")} */\n`;
  const shared = sharedOf(plan);
  const { kernels } = distinctKernels(plan.steps);
  const optimizer = optimizerFiles({ ...shared, ...state, ema });
  const scale = lossScale(context.model, plan.batch.max, plan.precision);
  const library = { ...shared, ...trainerContext(given.name, plan, state), ema, scaled: scale !== 1, lossScale: scale };
  const example = { ...library, ...recipeContext(recipe, context.model, library.parameters) };
  const python = torch ? torchTrainerFiles(plan, state, library, context.model, recipe) : null;
  const sources = [...kernels.map(({ name }) => name), "pack", "optimizer", ...(python?.sources ?? []), shared.prefix];
  const files: readonly (readonly [path: string, contents: string])[] = [
    ["device.h", slashes + deviceText(plan)],
    ["kernels.h", slashes + renderTemplate("host/kernel-list", kernelList(plan))],
    ...kernels.map(one => [`${one.name}.cu`, slashes + kernelText(one, plan)] as const),
    ["pack.cu", slashes + packText(plan, true)],
    ["optimizer.h", slashes + optimizer.header],
    ["optimizer.cu", slashes + optimizer.kernels],
    [shared.header, stars + renderTemplate("host/trainer-api", library)],
    [`${shared.prefix}.cu`, slashes + renderTemplate("host/trainer", library)],
    ["run.cu", slashes + renderTemplate("host/trainer-runner", library)],
    ["example.c", stars + renderTemplate("host/trainer-example", example)],
    [
      "CMakeLists.txt",
      lines.map(line => `# ${line}\n`).join("") +
        renderTemplate("host/cmake", {
          ...shared,
          version: context.version,
          sources: sources.map(name => ({ file: `${name}.cu` })),
          torch,
        }),
    ],
  ];
  const commented = (python?.files ?? []).map(([path, comment, contents]) => {
    return [path, lines.map(line => `${comment} ${line}\n`).join("") + contents] as const;
  });
  const begun = context.weights ?? drawnBy(recipe, context.model, plan.params);
  return [
    ...[...files, ...commented].map(([path, contents]) => ({ path: `cuda/train/${path}`, contents })),
    { path: "cuda/train/weights.bin", contents: valuesOf(plan, begun) },
  ];
}

function trainerContext(model: string, plan: Plan, state: TrainerState) {
  const tables = launchPlan(plan, state);
  const gradients = new Set([...state.learned.values()].map(({ gradient }) => gradient));
  const own = { ...plan, outputs: plan.outputs.filter(({ buffer }) => !gradients.has(buffer)) };
  const ports = portsOf(own);
  return {
    ...tables,
    segments: state.segments,
    align,
    summary: `What trains ConvNeXt ${model}: its gradients and AdamW, as CUDA kernels.`,
    tf32: plan.precision === "tf32",
    parameterCount: plan.params.length,
    parameters: tables.parameters.map((of, i) => {
      return { ...of, shape: plan.params[i]?.shape ?? [], place: state.learned.get(of.name)?.place ?? 0 };
    }),
    segmentCount: state.segments.length,
    ports,
    inputs: ports.filter(port => port.input).map((port, index) => ({ ...port, index })),
    inputCount: plan.inputs.length,
    single: plan.batch.max === 1,
  };
}

/** What a recipe says, as the example has it: of every parameter, and of an update. */
function recipeContext(
  recipe: Recipe,
  model: Model,
  parameters: readonly { readonly name: string; readonly shape: readonly number[] }[],
) {
  const { lr, betas, eps } = recipe.optimizer;
  return {
    parameters: learnedBy(recipe, model, parameters).map(({ name, lrScale, weightDecay }) => {
      return { name, lrScale: float(lrScale), weightDecay: float(weightDecay) };
    }),
    ...{ lr, beta1: betas[0], beta2: betas[1], eps, emaDecay: recipe.ema ?? 0, clip: float(recipe.clip ?? 0) },
  };
}

/** A number as C has it in f32. */
const float = (value: number): string => (Number.isInteger(value) ? `${value}.0f` : `${value}f`);
