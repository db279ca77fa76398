import type { ModelDescriptor } from "../runtime/descriptor.ts";

/** The descriptor as a module of plain data, one line an entry, so that a change of the model reads well in a diff. */
export function dataModule(descriptor: ModelDescriptor): string {
  const { kernels, ...rest } = descriptor;
  const fields = Object.entries(rest).map(([key, value]) => `  ${key}: ${field(value)},\n`);
  const codes = kernels.map(({ name, code }) => `    { name: ${JSON.stringify(name)}, code: ${template(code)} },\n`);
  return `export const descriptor = {\n${fields.join("")}  kernels: [\n${codes.join("")}  ],\n};\n`;
}

export const dataModuleTypes = `import type { ModelDescriptor } from "cnxc/runtime";

/** Buffers, kernels, dispatches and limits; \`requestDevice(descriptor)\` of cnxc/runtime gives a device that fits. */
export declare const descriptor: ModelDescriptor;
`;

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

/** As a template literal, which keeps lines. */
export const template = (code: string): string => `\`${code.replace(/[\\`]|\$\{/g, match => `\\${match}`)}\``;
