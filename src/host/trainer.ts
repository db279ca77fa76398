import { type MethodSignatureStructure, type OptionalKind, type StatementStructures, StructureKind } from "ts-morph";
import type { TrainingFiles } from "../emit/wgsl/target.ts";
import type { Model } from "../model/model.ts";
import type { ModelDescriptor, RecipeDescriptor } from "../runtime/descriptor.ts";
import { decays } from "../training/decay-rules.ts";
import { learnedBy } from "../training/learned.ts";
import { trainingModule, trainingModuleTypes } from "./data.ts";
import { dataName, weightsType } from "./module.ts";
import { comment, interfaceOf, pascal, propertiesOf, type TextFile, typedModule } from "./typed-module.ts";

/**
 * What trains a model in a page, typed by it: `trainer.ts`, the same as `.js` and `.d.ts`, and `trainer_data.js`. The model's own
 * module imports none of it.
 */
export function trainerFiles(
  running: ModelDescriptor,
  training: TrainingFiles,
  model: Model,
  banner: readonly string[],
): readonly TextFile[] {
  const own = moduleName(model.name);
  const first = comment(banner);
  return [
    ...typedModule(own, banner, statements(running, training, own)),
    { path: `${own}_data.js`, contents: `${first}\n${trainingModule(training.descriptor, saidOf(training, model))}` },
    { path: `${own}_data.d.ts`, contents: `${first}\n${trainingModuleTypes}` },
  ];
}

/** A model of that name, in any case, has a module of that name itself. */
const moduleName = (name: string): string => (/^trainer(_data)?$/i.test(name) ? "model_trainer" : "trainer");

/** What a recipe says of an update. */
function saidOf({ recipe, descriptor }: TrainingFiles, model: Model): RecipeDescriptor {
  const { name, optimizer, clip, ema } = recipe;
  const { betas, eps, weightDecay, decays: rule } = optimizer;
  const params = learnedBy(recipe, model, descriptor.params).map(({ name, lrScale }) => ({
    name,
    lrScale,
    decays: decays(rule, name),
  }));
  return { name, betas, eps, weightDecay, clip, ema, params };
}

function statements(
  { name }: ModelDescriptor,
  { recipe, descriptor }: TrainingFiles,
  own: string,
): readonly StatementStructures[] {
  const Name = pascal(name);
  const inputs = { name: "inputs", type: `${Name}TrainingInputs` };
  const lr = { name: "options", type: "training.UpdateOptions" };
  const methods: readonly OptionalKind<MethodSignatureStructure>[] = [
    {
      name: "step",
      docs: ["A forward pass, a backward pass and an update; the next step may be asked for before this one is done."],
      parameters: [inputs, lr],
      returnType: "Promise<training.Stepped>",
    },
    {
      name: "accumulate",
      docs: [
        "Adds a micro-batch's gradients, times its share in the step (1), to those since the last update; its loss.",
      ],
      parameters: [inputs, { name: "share", type: "number", hasQuestionToken: true }],
      returnType: "Promise<number>",
    },
    {
      name: "update",
      docs: ["Changes the weights by what was accumulated, unless the norm of that is not finite."],
      parameters: [lr],
      returnType: "Promise<training.Updated>",
    },
    { name: "updates", docs: ["How many updates have changed the weights."], returnType: "number" },
    {
      name: "gradients",
      docs: ["Of the step that has begun, or else of the last one, before clipping."],
      parameters: [{ name: "name", type: `${Name}Param` }],
      returnType: "Promise<Float32Array>",
    },
    {
      name: "state",
      docs: [
        "All that it takes to go on with the same bits, a tensor at a time: parameters, moments and their average.",
      ],
      returnType: "AsyncGenerator<training.StateTensor, void, undefined>",
    },
    {
      name: "load",
      docs: ["Goes on from such a state, in any order."],
      parameters: [{ name: "state", type: "training.SavedState" }],
      returnType: "Promise<void>",
    },
    {
      name: "model",
      docs: ["The model as it runs, on these very weights, whatever becomes of them."],
      returnType: `Promise<${Name}Model>`,
    },
    {
      name: "dispose",
      docs: ["Frees what the trainer and its models made, and nothing of yours."],
      returnType: "void",
    },
  ];
  return [
    { kind: StructureKind.ImportDeclaration, moduleSpecifier: "cnxc/runtime/training", namespaceImport: "training" },
    {
      kind: StructureKind.ImportDeclaration,
      isTypeOnly: true,
      moduleSpecifier: `./${name}.js`,
      namedImports: [`${Name}Model`, `${Name}Param`],
    },
    {
      kind: StructureKind.ImportDeclaration,
      moduleSpecifier: `./${dataName(name)}.js`,
      namedImports: [{ name: "descriptor", alias: "running" }],
    },
    {
      kind: StructureKind.ImportDeclaration,
      moduleSpecifier: `./${own}_data.js`,
      namedImports: ["descriptor", "recipe"],
    },
    interfaceOf(`${Name}TrainingInputs`, {
      properties: propertiesOf(descriptor.inputs, "Float32Array | GPUBuffer"),
    }),
    interfaceOf(`${Name}TrainerOptions`, {
      docs: ["Where to train, from what weights, and what is not as the recipe says."],
      extends: ['Omit<training.TrainerOptions, "weights">'],
      properties: [{ name: "weights", isReadonly: true, type: weightsType(Name) }],
    }),
    interfaceOf(`${Name}Trainer`, { methods: [...methods] }),
    { kind: StructureKind.ExportDeclaration, namedExports: ["descriptor", "recipe"] },
    {
      kind: StructureKind.Function,
      name: "createTrainer",
      isExported: true,
      docs: [`Trains \`${name}\` by the recipe \`${recipe.name}\`, 1 to ${descriptor.batch.max} images at a time.`],
      parameters: [{ name: "options", type: `${Name}TrainerOptions` }],
      returnType: `Promise<${Name}Trainer>`,
      statements: [
        "const learnable = { model: running, training: descriptor, recipe };",
        `return training.createTrainer(learnable, options as training.TrainerOptions) as unknown as Promise<${Name}Trainer>;`,
      ],
    },
  ];
}
