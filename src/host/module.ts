import { type CodeBlockWriter, Project, ts, VariableDeclarationKind } from "ts-morph";
import type { ModelDescriptor, Port } from "../runtime/descriptor.ts";

/** What the module says about itself, besides what the descriptor holds. */
export interface ModuleContext {
  /** First lines of every generated file, as comments. */
  readonly banner: readonly string[];
  /** One sentence about the model. */
  readonly summary: string;
}

export interface TextFile {
  readonly path: string;
  readonly contents: string;
}

/**
 * The typed host module of a model: `<name>.ts`, the same as `.js` and `.d.ts`, and `kernels.js` with the WGSL it
 * dispatches. It imports nothing but `cnxc/runtime`.
 */
export function hostModule(descriptor: ModelDescriptor, context: ModuleContext): readonly TextFile[] {
  const banner = context.banner.map(line => `// ${line}\n`).join("");
  const source = banner + typescriptModule(descriptor, context);
  const name = `${descriptor.name}.ts`;
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    isolatedDeclarations: true,
    declaration: true,
    strict: true,
  };
  const script = ts.transpileModule(source, { fileName: name, compilerOptions: options }).outputText;
  const declarations = ts.transpileDeclaration(source, { fileName: name, compilerOptions: options }).outputText;
  return [
    { path: name, contents: source },
    { path: `${descriptor.name}.js`, contents: script },
    { path: `${descriptor.name}.d.ts`, contents: declarations },
    { path: "kernels.js", contents: banner + kernelsModule(descriptor) },
    { path: "kernels.d.ts", contents: `${banner}/** WGSL by kernel name. */\n${kernelsType(descriptor)}` },
  ];
}

/** TypeScript identifiers are made from the model's name in upper camel case; a suffix keeps reserved words away. */
const pascal = (name: string): string =>
  name
    .split("_")
    .map(part => part.charAt(0).toUpperCase() + part.slice(1))
    .join("");

const shapeOf = (port: Port): string => `[N, ${port.shape.join(", ")}]`;

function typescriptModule(descriptor: ModelDescriptor, { summary }: ModuleContext): string {
  const project = new Project({ useInMemoryFileSystem: true, skipLoadingLibFiles: true });
  const file = project.createSourceFile(`${descriptor.name}.ts`);
  const Name = pascal(descriptor.name);
  const io = [...descriptor.inputs, ...descriptor.outputs];
  const properties = (ports: readonly Port[], type: string) =>
    ports.map(port => ({
      name: JSON.stringify(port.name),
      type,
      isReadonly: true,
      docs: [`${shapeOf(port)}, row-major`],
    }));

  file.addImportDeclaration({
    moduleSpecifier: "cnxc/runtime",
    namedImports: [
      { name: "createModel", alias: "create" },
      { name: "ModelDescriptor", isTypeOnly: true },
      { name: "ModelOptions", isTypeOnly: true },
      { name: "RunOptions", isTypeOnly: true },
    ],
  });
  file.addImportDeclaration({ moduleSpecifier: "./kernels.js", namedImports: ["kernels"] });

  file.addInterface({
    name: `${Name}Inputs`,
    isExported: true,
    properties: properties(descriptor.inputs, "Float32Array | GPUBuffer"),
  });
  file.addInterface({
    name: `${Name}Outputs`,
    isExported: true,
    properties: properties(descriptor.outputs, "Float32Array<ArrayBuffer>"),
  });
  file.addInterface({
    name: `${Name}Buffers`,
    isExported: true,
    docs: ["Every input and output, with usage STORAGE."],
    properties: properties(io, "GPUBuffer"),
  });
  file.addTypeAlias({
    name: `${Name}Param`,
    isExported: true,
    docs: ["Checkpoint tensors, under the names of the official PyTorch code."],
    type: writer =>
      union(
        writer,
        descriptor.params.map(param => param.name),
      ),
  });
  file.addInterface({
    name: `${Name}Options`,
    isExported: true,
    docs: ["Where to run, and on what weights: all at once, or tensor by tensor. See `ModelOptions` for the others."],
    extends: ['Omit<ModelOptions, "weights">'],
    properties: [
      {
        name: "weights",
        isReadonly: true,
        type:
          `Readonly<Record<${Name}Param, Float32Array>> | ` +
          `((name: ${Name}Param) => Float32Array | Promise<Float32Array>)`,
      },
    ],
  });
  file.addInterface({
    name: `${Name}Model`,
    isExported: true,
    methods: [
      {
        name: "run",
        docs: ["One forward pass; the batch is told by the length of the inputs."],
        parameters: [
          { name: "inputs", type: `${Name}Inputs` },
          { name: "options", type: "RunOptions", hasQuestionToken: true },
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
        docs: ["Runs once on zeros, so that the first real run is as fast as the others."],
        parameters: [{ name: "batch", type: "number", hasQuestionToken: true }],
        returnType: "Promise<void>",
      },
      { name: "dispose", docs: ["Frees what the model made, and nothing of yours."], returnType: "void" },
    ],
  });
  file.addVariableStatement({
    declarationKind: VariableDeclarationKind.Const,
    isExported: true,
    docs: ["Buffers, dispatches and limits; `requestDevice(descriptor)` of cnxc/runtime gives a device that fits."],
    declarations: [{ name: "descriptor", type: "ModelDescriptor", initializer: w => writeDescriptor(w, descriptor) }],
  });
  file.addFunction({
    name: "createModel",
    isExported: true,
    docs: [summary],
    parameters: [{ name: "options", type: `${Name}Options` }],
    returnType: `Promise<${Name}Model>`,
    statements: [`return create(descriptor, options as ModelOptions) as unknown as Promise<${Name}Model>;`],
  });
  return file.getFullText();
}

const union = (writer: CodeBlockWriter, names: readonly string[]): void => {
  writer.newLine();
  writer.indent(() => {
    names.forEach((name, i) => {
      writer.write(`${i === 0 ? "" : "| "}${JSON.stringify(name)}`);
      if (i < names.length - 1) writer.newLine();
    });
  });
};

/** One line an entry, so that a change of the model reads well in a diff. */
function writeDescriptor(writer: CodeBlockWriter, descriptor: ModelDescriptor): void {
  const { kernels, ...rest } = descriptor;
  writer.inlineBlock(() => {
    for (const [key, value] of Object.entries(rest)) {
      const rows = Array.isArray(value) && typeof value[0] === "object" ? value : null;
      if (!rows) {
        writer.writeLine(`${key}: ${literal(value)},`);
        continue;
      }
      writer.write(`${key}: [`).newLine();
      writer.indent(() => {
        for (const row of rows) writer.writeLine(`${literal(row)},`);
      });
      writer.writeLine("],");
    }
    const names = kernels.map(
      ({ name }) => `{ name: ${JSON.stringify(name)}, code: kernels[${JSON.stringify(name)}] }`,
    );
    writer.write("kernels: [").newLine();
    writer.indent(() => {
      for (const row of names) writer.writeLine(`${row},`);
    });
    writer.writeLine("],");
  });
}

/** JSON with spaces, and without quotes around plain keys. */
function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const entries = Object.entries(value).map(([key, entry]) => `${key}: ${literal(entry)}`);
  return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`;
}

const kernelsModule = ({ kernels }: ModelDescriptor): string =>
  `export const kernels = {\n${kernels.map(({ name, code }) => `  ${JSON.stringify(name)}: ${template(code)},\n`).join("")}};\n`;

const kernelsType = ({ kernels }: ModelDescriptor): string =>
  `export declare const kernels: {\n${kernels.map(({ name }) => `  readonly ${JSON.stringify(name)}: string;\n`).join("")}};\n`;

const template = (code: string): string => `\`${code.replace(/[\\`]|\$\{/g, match => `\\${match}`)}\``;
