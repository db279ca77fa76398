import {
  IndentationText,
  type InterfaceDeclarationStructure,
  Project,
  type StatementStructures,
  StructureKind,
  type TypeAliasDeclarationStructure,
  ts,
} from "ts-morph";
import type { ModelDescriptor, Port } from "../runtime/descriptor.ts";
import { dataModule, dataModuleTypes } from "./data.ts";

/** What the module says about itself, besides what the descriptor holds. */
export interface ModuleContext {
  /** First lines of every generated file, without comment marks. */
  readonly banner: readonly string[];
  /** One sentence about the model. */
  readonly summary: string;
}

export interface TextFile {
  readonly path: string;
  readonly contents: string;
}

/**
 * The typed host module of a model: `<name>.ts`, the same as `.js` and `.d.ts`, and beside it `model.js`, the data that
 * it hands to the runtime. It imports nothing but that and `cnxc/runtime`.
 */
export function hostModule(descriptor: ModelDescriptor, context: ModuleContext): readonly TextFile[] {
  const banner = context.banner.map(line => `// ${line}\n`).join("");
  const { name } = descriptor;
  const project = new Project({
    useInMemoryFileSystem: true,
    skipLoadingLibFiles: true,
    manipulationSettings: { indentationText: IndentationText.TwoSpaces },
  });
  const data = dataName(name);
  const file = project.createSourceFile(`${name}.ts`, { statements: statements(descriptor, context, data) });
  const source = file.getFullText().replace(/ +$/gm, "");
  const script = ts.transpileModule(source, options(name)).outputText;
  const declarations = ts.transpileDeclaration(source, options(name)).outputText;
  return [
    { path: `${name}.ts`, contents: `${banner}\n${source}` },
    { path: `${name}.js`, contents: `${banner}\n${script}` },
    { path: `${name}.d.ts`, contents: `${banner}\n${declarations}` },
    { path: `${data}.js`, contents: `${banner}\n${dataModule(descriptor)}` },
    { path: `${data}.d.ts`, contents: `${banner}\n${dataModuleTypes}` },
  ];
}

/** A model of that name, in any case, has a module of that name itself: some file systems tell no cases apart. */
const dataName = (name: string): string => (name.toLowerCase() === "model" ? "model_data" : "model");

const options = (name: string): ts.TranspileOptions => ({
  fileName: `${name}.ts`,
  compilerOptions: {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    isolatedDeclarations: true,
    declaration: true,
    strict: true,
  },
});

/** `atto_384` → `Atto384`. Always with something behind it, so that no reserved word is left. */
const pascal = (name: string): string =>
  name
    .split("_")
    .map(part => part.charAt(0).toUpperCase() + part.slice(1))
    .join("");

const interfaceOf = (
  name: string,
  more: Omit<InterfaceDeclarationStructure, "kind" | "name" | "isExported">,
): InterfaceDeclarationStructure => ({ kind: StructureKind.Interface, name, isExported: true, ...more });

function statements(descriptor: ModelDescriptor, { summary }: ModuleContext, data: string): StatementStructures[] {
  const Name = pascal(descriptor.name);
  const properties = (ports: readonly Port[], type: string) =>
    ports.map(({ name, shape, perImage, keep }) => ({
      name,
      type,
      isReadonly: true,
      docs: [
        `[${[...(perImage ? ["N"] : []), ...shape].join(", ")}], row-major.${
          keep === undefined ? "" : ` 1 removes a patch, 0 keeps it; each image keeps ${keep}.`
        }`,
      ],
    }));
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
    interfaceOf(`${Name}Inputs`, { properties: properties(descriptor.inputs, "Float32Array | GPUBuffer") }),
    interfaceOf(`${Name}Outputs`, { properties: properties(descriptor.outputs, "Float32Array") }),
    interfaceOf(`${Name}Buffers`, {
      docs: ["Every input and output, with usage STORAGE."],
      properties: properties([...descriptor.inputs, ...descriptor.outputs], "GPUBuffer"),
    }),
    params,
    interfaceOf(`${Name}Options`, {
      docs: ["Where to run, and on what weights: all tensors at once, or one when it is asked for."],
      extends: ['Omit<runtime.ModelOptions, "weights">'],
      properties: [
        {
          name: "weights",
          isReadonly: true,
          type: `Readonly<Record<${Name}Param, Float32Array>> | ((name: ${Name}Param) => Float32Array | Promise<Float32Array>)`,
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
      namedExports: ["descriptor"],
    },
    {
      kind: StructureKind.Function,
      name: "createModel",
      isExported: true,
      docs: [summary],
      parameters: [{ name: "options", type: `${Name}Options` }],
      returnType: `Promise<${Name}Model>`,
      statements: [
        `return runtime.createModel(descriptor, options as runtime.ModelOptions) as unknown as Promise<${Name}Model>;`,
      ],
    },
  ];
}
