import type { ModelDescriptor, RecipeDescriptor, TrainerDescriptor } from "../runtime/descriptor.ts";
import type { PreprocessDescriptor } from "../runtime/pictures/descriptor.ts";

/** The descriptor as a module of plain data, one line an entry, so that a change of the model reads well in a diff. */
export function dataModule({ kernels, half, ...rest }: ModelDescriptor): string {
  const codes = kernels.map(({ name, code }) => `    { name: ${JSON.stringify(name)}, code: ${template(code)} },\n`);
  const preludes = half && { half: { native: carried(half.native), unpacked: carried(half.unpacked) } };
  return `export const descriptor = {\n${fields({ ...rest, ...preludes })}  kernels: [\n${codes.join("")}  ],\n};\n`;
}

/** The same of what trains a model, and what the recipe says. */
export function trainingModule({ optimizer, ...descriptor }: TrainerDescriptor, recipe: RecipeDescriptor): string {
  const codes = Object.entries(optimizer).map(([name, code]) => `    ${name}: ${template(code)},\n`);
  const whole = dataModule(descriptor).replace(/};\n$/, `  optimizer: {\n${codes.join("")}  },\n};\n`);
  return `${whole}\nexport const recipe = {\n${fields(recipe)}};\n`;
}

export const dataModuleTypes = `import type { ModelDescriptor } from "cnxc/runtime";

/** Buffers, kernels, dispatches and limits; \`requestDevice(descriptor)\` of cnxc/runtime gives a device that fits. */
export declare const descriptor: ModelDescriptor;
`;

export const trainingModuleTypes = `import type { RecipeDescriptor, TrainerDescriptor } from "cnxc/runtime/training";

/** Buffers, kernels, dispatches and limits; \`requestDevice([descriptor])\` of cnxc/runtime gives a device that fits. */
export declare const descriptor: TrainerDescriptor;

/** What the recipe says of an update. */
export declare const recipe: RecipeDescriptor;
`;

/** What fits pictures, and how it is made. */
export const preprocessModule = ({ code, ...rest }: PreprocessDescriptor): string =>
  `import { createPreprocessor as create } from "cnxc/runtime";

export const descriptor = {
${fields(rest)}  code: ${template(code)},
};

export const createPreprocessor = device => create(device, descriptor);
`;

export const preprocessModuleTypes = `import type { PreprocessDescriptor, Preprocessor } from "cnxc/runtime";

/** The kernels, and what they do. */
export declare const descriptor: PreprocessDescriptor;

/** Compiles the kernels that make \`pixel_values\` of images: \`await preprocess(imageData)\` is a GPUBuffer. */
export declare const createPreprocessor: (device: GPUDevice) => Promise<Preprocessor>;
`;

const fields = (of: object): string =>
  Object.entries(of)
    .map(([key, value]) => `  ${key}: ${field(value)},\n`)
    .join("");

const isList = (value: unknown): value is readonly object[] => Array.isArray(value) && typeof value[0] === "object";

const field = (value: unknown): string =>
  isList(value) ? `[\n${value.map(entry => `    ${literal(entry)},\n`).join("")}  ]` : literal(value);

/** JSON with spaces, and without quotes around keys: all of them are identifiers. */
function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const entries = Object.entries(value).map(([key, entry]) => `${key}: ${literal(entry)}`);
  return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`;
}

/** WGSL as pages carry it: without comments and indentation, which stand in `wgsl/`. Each line keeps its number. */
const carried = (code: string): string => code.replaceAll(/^ +| *\/\/.*$/gm, "");

/** As a template literal, which keeps lines. */
const template = (code: string): string => `\`${carried(code).replace(/[\\`]|\$\{/g, match => `\\${match}`)}\``;
