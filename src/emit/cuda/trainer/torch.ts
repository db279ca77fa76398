import { renderTemplate } from "../../../embedded/render-template.ts";
import type { Model, Precision, Recipe } from "../../../model/model.ts";
import type { Plan } from "../../../plan/plan.ts";
import { learnedBy } from "../../../training/learned.ts";
import { stemOf } from "../names.ts";
import { identifier, portsOf } from "../ports.ts";
import { segmentTables } from "./segment-tables.ts";
import { cutAtSegments } from "./segments.ts";
import type { TrainerState } from "./state.ts";

/** What a trainer's template knows of its library besides. */
interface Library {
  readonly name: string;
  readonly namespace: string;
  readonly package: string;
  readonly upper: string;
  readonly scaled: boolean;
  readonly lossScale: number;
}

const torchTypes: Readonly<Record<Precision, string>> = {
  f32: "float32",
  tf32: "float32",
  bf16: "bfloat16",
  f16: "float16",
};
const scalarTypes: Readonly<Record<Precision, string>> = { f32: "f32", tf32: "f32", bf16: "bf16", f16: "f16" };

/**
 * Segments of a model as operators of PyTorch, and what a researcher runs: a module with ordinary parameters, and the
 * program that trains it.
 */
export function torchTrainerFiles(plan: Plan, state: TrainerState, library: Library, model: Model, recipe: Recipe) {
  const { segments, operandCount } = segmentTables(plan, state, cutAtSegments(plan, state));
  const [inputs, task] = [portsOf({ ...plan, outputs: [] }), model.head.kind === "fcmae" ? "pretrain" : "finetune"];
  const typed = <T extends { readonly type: Precision }>(of: T) => {
    return { ...of, type: scalarTypes[of.type], torchType: torchTypes[of.type] };
  };
  const mask = plan.inputs.find(({ keep }) => keep !== null);
  const keep = plan.inputs.find(({ name }) => name === "keep");
  const { height, width, channels } = model.input;
  const context = {
    ...library,
    name: model.name,
    learned: true,
    operandCount,
    segments: segments.map(({ given, made, ...of }) => ({ ...of, given: given && typed(given), made: typed(made) })),
    parameters: learnedBy(recipe, model, plan.params).map(({ name, shape, lrScale, weightDecay }) => {
      const elements = shape.reduce((a, b) => a * b, 1);
      const tuple = `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;
      return { name, id: identifier(name), elements, tuple, lrScale, weightDecay };
    }),
    ports: inputs,
    first: inputs[0]?.name,
    mask: mask ? { patches: mask.shape[0], keep: mask.keep } : null,
    keep: keep ? { blocks: keep.shape[0], rate: recipe.dropPath } : null,
    perBatch: model.grn === "per_batch",
    batchMin: plan.batch.min,
    batchMax: plan.batch.max,
    summary: `ConvNeXt ${model.name}, ${height}x${width}x${channels}, and its loss.`,
  };
  const script = `${task}.py`;
  return {
    sources: ["segment_parts"],
    files: [
      ["segments.h", "//", renderTemplate("host/segments", context)],
      ["segment_parts.cu", "//", renderTemplate("host/segment-parts", context)],
      ["torch/CMakeLists.txt", "#", renderTemplate("host/torch-cmake", context)],
      ["torch/binding.cpp", "//", renderTemplate("host/train-binding", context)],
      [`torch/${library.package}_torch.py`, "#", renderTemplate("host/train-module", context)],
      [
        `torch/${script}`,
        "#",
        renderTemplate("host/train-script", { ...context, ...scriptContext(model, recipe), script }),
      ],
    ],
  } as const;
}

/** What a recipe says, as the program has it. */
function scriptContext(model: Model, recipe: Recipe) {
  const { lr, betas, eps } = recipe.optimizer;
  const { warmup, total, first, minLr } = recipe.schedule;
  const { mean, std, resize, interpolation, bands } = model.preprocess;
  const { crop, flip, mixup, cutmix } = recipe.augment;
  const { height, width, channels } = model.input;
  const side = Math.min(resize.height, resize.width);
  return {
    model: model.name,
    recipe: recipe.name,
    unit: recipe.length.unit === "epochs" ? "epoch" : "step",
    epochs: recipe.length.unit === "epochs",
    batch: recipe.batch,
    step: recipe.batch * recipe.accumulate,
    length: recipe.length.count,
    ...{ warmup, start: first, total, lr, minLr, beta1: betas[0], beta2: betas[1], eps },
    clip: recipe.clip ?? "math.inf",
    seed: recipe.seed,
    ema: recipe.ema,
    classes: model.head.kind === "classifier" ? model.head.classes : 0,
    smoothing: recipe.smoothing,
    ...{ mixup, cutmix, crop, flip, height, width },
    mean: `[${mean.join(", ")}]`,
    std: `[${std.join(", ")}]`,
    fit: resize.mode === "cover" ? `${side}` : `(${resize.height}, ${resize.width})`,
    filter: interpolation.toUpperCase(),
    channels,
    grey: channels === 1,
    foreign: channels !== 1 && channels !== 3,
    bands: channels === 3 && bands !== null && bands.join() !== "0,1,2" ? JSON.stringify(bands) : null,
    fits: crop === null || model.head.kind !== "fcmae",
    inference: `${stemOf(model.name)}_torch`,
  };
}
