import { type StatementStructures, StructureKind, type TypeAliasDeclarationStructure } from "ts-morph";
import type { Head } from "../model/model.ts";
import type { ModelDescriptor } from "../runtime/descriptor.ts";
import { classStatements, labelFiles, labelImports } from "./classes.ts";
import { dataModule, dataModuleTypes } from "./data.ts";
import { comment, interfaceOf, pascal, propertiesOf, type TextFile, typedModule } from "./typed-module.ts";

/** What the module says about itself, besides what the descriptor holds. */
export interface ModuleContext {
  /** First lines of every generated file, without comment marks. */
  readonly banner: readonly string[];
  /** One sentence about the model. */
  readonly summary: string;
  readonly head: Head;
  /** The same model for software adapters; null where the module has kernels of one kind. */
  readonly software: ModelDescriptor | null;
}

/**
 * The typed host module of a model: `<name>.ts`, the same as `.js` and `.d.ts`, and beside it `model.js`, the data that
 * it hands to the runtime. It imports nothing but that and `cnxc/runtime`.
 */
export function hostModule(descriptor: ModelDescriptor, context: ModuleContext): readonly TextFile[] {
  const { name } = descriptor;
  const data = dataName(name);
  const banner = comment(context.banner);
  return [
    ...typedModule(name, context.banner, statements(descriptor, context, data)),
    { path: `${data}.js`, contents: `${banner}\n${dataModule(descriptor)}` },
    { path: `${data}.d.ts`, contents: `${banner}\n${dataModuleTypes}` },
    ...(context.software === null
      ? []
      : [
          { path: `${softwareName(name)}.js`, contents: `${banner}\n${dataModule(context.software)}` },
          { path: `${softwareName(name)}.d.ts`, contents: `${banner}\n${dataModuleTypes}` },
        ]),
    ...labelFiles(name, context.head, context.banner),
    { path: "package.json", contents: packageJson(name) },
  ];
}

/** That the folder holds modules, for bundlers and Node under a package of CommonJS, and which of them is the entry. */
function packageJson(name: string): string {
  const entry = { types: `./${name}.d.ts`, default: `./${name}.js` };
  const about = { private: true, type: "module", sideEffects: false, exports: { ".": entry, "./*": "./*" } };
  return `${JSON.stringify(about, null, 2)}\n`;
}

/** A model of that name, in any case, has a module of that name itself: some file systems tell no cases apart. */
export const dataName = (name: string): string => (name.toLowerCase() === "model" ? "model_data" : "model");

/** Where the same is for software adapters, which pages load there alone. */
const softwareName = (name: string): string => (name.toLowerCase() === "software" ? "software_data" : "software");

/** Weights as a caller gives them: all at once, or one when it is asked for. */
export const weightsType = (Name: string): string =>
  `Readonly<Record<${Name}Param, Float32Array>> | ((name: ${Name}Param) => Float32Array | Promise<Float32Array>)`;

function statements(
  descriptor: ModelDescriptor,
  { summary, head, software }: ModuleContext,
  data: string,
): StatementStructures[] {
  const Name = pascal(descriptor.name);
  const labels = labelImports(descriptor.name, head);
  const elsewhere = JSON.stringify(`./${softwareName(descriptor.name)}.js`);
  const builds = software === null ? "descriptor" : `{ descriptor, software: () => import(${elsewhere}) }`;
  const params: TypeAliasDeclarationStructure = {
    kind: StructureKind.TypeAlias,
    name: `${Name}Param`,
    isExported: true,
    docs: ["A checkpoint tensor, under its name in the official PyTorch code."],
    type: descriptor.params.map(({ name }) => `\n| ${JSON.stringify(name)}`).join(""),
  };
  return [
    // As a whole: models called `model` and `run` have types ModelOptions and RunOptions of their own.
    { kind: StructureKind.ImportDeclaration, moduleSpecifier: "cnxc/runtime", namespaceImport: "runtime" },
    { kind: StructureKind.ImportDeclaration, moduleSpecifier: `./${data}.js`, namedImports: ["descriptor"] },
    ...labels,
    interfaceOf(`${Name}Inputs`, { properties: propertiesOf(descriptor.inputs, "Float32Array | GPUBuffer") }),
    interfaceOf(`${Name}Outputs`, { properties: propertiesOf(descriptor.outputs, "Float32Array") }),
    interfaceOf(`${Name}Buffers`, {
      docs: ["Every input and output, with usage STORAGE."],
      properties: propertiesOf([...descriptor.inputs, ...descriptor.outputs], "GPUBuffer"),
    }),
    params,
    interfaceOf(`${Name}Options`, {
      docs: [
        "Where to run, and on what weights: all tensors at once, or one when it is asked for, a promise of either, or the address of a file, with its hash and a cache for it where you like.",
      ],
      extends: ['Omit<runtime.ModelOptions, "weights">'],
      properties: [
        {
          name: "weights",
          isReadonly: true,
          type: `${weightsType(Name)} | Promise<${weightsType(Name)}> | runtime.WeightsAddress`,
        },
      ],
    }),
    interfaceOf(`${Name}Model`, {
      methods: [
        {
          name: "run",
          docs: ["One forward pass; the batch is told by the length of the inputs."],
          parameters: [
            { name: "inputs", type: `${Name}Inputs` },
            { name: "options", type: "runtime.RunOptions", hasQuestionToken: true },
          ],
          returnType: `Promise<${Name}Outputs>`,
        },
        {
          name: "encode",
          docs: ["Records one forward pass into your encoder, from and into your buffers; submits nothing."],
          parameters: [
            { name: "encoder", type: "GPUCommandEncoder" },
            { name: "buffers", type: `${Name}Buffers` },
            { name: "batch", type: "number", hasQuestionToken: true },
          ],
          returnType: "void",
        },
        {
          name: "warmup",
          docs: ["Runs once on blank inputs, so that the first real run is as fast as the others."],
          parameters: [{ name: "batch", type: "number", hasQuestionToken: true }],
          returnType: "Promise<void>",
        },
        { name: "dispose", docs: ["Frees what the model made, and nothing of yours."], returnType: "void" },
      ],
    }),
    {
      kind: StructureKind.ExportDeclaration,
      namedExports: ["descriptor", ...(labels.length > 0 ? ["labels"] : [])],
    },
    {
      kind: StructureKind.Function,
      name: "createModel",
      isExported: true,
      docs: [summary],
      parameters: [{ name: "options", type: `${Name}Options` }],
      returnType: `Promise<${Name}Model>`,
      statements: [
        `const model = runtime.createModel(${builds}, options as runtime.ModelOptions);`,
        `return model as unknown as Promise<${Name}Model>;`,
      ],
    },
    ...classStatements(descriptor.name, head),
  ];
}
