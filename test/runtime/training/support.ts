import { compile } from "../../../src/compile.ts";
import { ok } from "../../../src/diagnostics/diagnostic.ts";
import { inMemoryContext } from "../../../src/emit/target.ts";
import { wgslTarget } from "../../../src/emit/wgsl/target.ts";
import { hostFiles } from "../../../src/host/host-files.ts";
import {
  createModelTrainer,
  type Learnable,
  type ModelTrainer,
  type ModelTrainerOptions,
} from "../../../src/runtime/training/model-trainer.ts";
import { randomWeights } from "../../../src/weights/made/random.ts";
import { must } from "../../syntax/support.ts";

const spec = `model tiny { depths [1]  dims [6]  input 16x12x3  stem patch 2  head classifier { classes 4 } }
train learn {
  model tiny  batch 3  steps 8  ema 0.9  clip 1
  optimizer adamw { lr 1e-2  weight_decay 0.3 }
}
`;

const noImports = () => {
  throw new Error("the spec imports nothing");
};

/** What the generated modules of a spec's only model hold. */
async function learnableOf(text: string, recipe: string): Promise<Learnable> {
  const target = () => wgslTarget("swiftshader", false, hostFiles);
  const selection = { models: null, build: null, targets: ["wgsl" as const], dtypes: null, batch: { min: 1, max: 3 } };
  const compiled = must(
    await compile({ name: "tiny.cnx", text }, noImports, {
      selection: { ...selection, recipe },
      targetOf: target,
      trainerOf: target,
      prepare: async () => ok(inMemoryContext),
    }),
  );
  const module = (file: string) => {
    const { contents } = compiled.files.find(({ path }) => path.endsWith(`/${file}`)) ?? { contents: "" };
    return import(`data:text/javascript,${encodeURIComponent(String(contents))}`);
  };
  const [model, training] = [await module("model.js"), await module("trainer_data.js")];
  return { model: model.descriptor, training: training.descriptor, recipe: training.recipe };
}

export const learnable = await learnableOf(spec, "learn");
const { params, inputs } = learnable.training;
const weights = randomWeights(1, params, undefined, 0.2);
export const tensors: Readonly<Record<string, Float32Array>> = Object.fromEntries(
  await Promise.all(params.map(async ({ name }) => [name, await weights.f32(name)] as const)),
);

export const trainer = (device: GPUDevice, more: Partial<ModelTrainerOptions> = {}): Promise<ModelTrainer> =>
  createModelTrainer(learnable, { device, weights: tensors, ...more });

/** Pictures of waves, and a class for each. */
export function batch(
  images: number,
  seed: number,
): Readonly<Record<"pixel_values" | "targets", Float32Array<ArrayBuffer>>> {
  const size = (name: string) => inputs.find(port => port.name === name)?.shape.reduce((a, b) => a * b, images) ?? 0;
  return {
    pixel_values: Float32Array.from({ length: size("pixel_values") }, (_, i) => Math.sin(i * (0.1 + seed))),
    targets: Float32Array.from({ length: size("targets") }, (_, i) => ((i + seed) % 4 === 0 ? 1 : 0)),
  };
}

/** A whole state, by name. */
export async function stateOf(of: ModelTrainer): Promise<Map<string, Float32Array<ArrayBuffer>>> {
  const found = new Map<string, Float32Array<ArrayBuffer>>();
  for await (const { name, data } of of.state()) found.set(name, data);
  return found;
}

export const entries = (state: ReadonlyMap<string, Float32Array<ArrayBuffer>>) =>
  [...state].map(([name, data]) => ({ name, data }));
