import { preprocessWgsl } from "../emit/wgsl/preprocess.ts";
import type { Model } from "../model/model.ts";
import { template } from "./data.ts";
import { comment, type TextFile } from "./typed-module.ts";

/** The kernel that fits images into a model's input, alone and as a module that runs it with `cnxc/runtime`. */
export function preprocessFiles(model: Model, banner: readonly string[]): readonly TextFile[] {
  const { name, input } = model;
  const first = comment(banner);
  const code = preprocessWgsl(model);
  const module = moduleName(name);
  return [
    { path: `${module}.js`, contents: `${first}\n${script(name, input, code)}` },
    { path: `${module}.d.ts`, contents: `${first}\n${types}` },
    { path: "wgsl/preprocess.wgsl", contents: first + code },
  ];
}

/** A model of that name, in any case, has a module of that name itself. */
const moduleName = (name: string): string => (name.toLowerCase() === "preprocess" ? "preprocess_images" : "preprocess");

const script = (name: string, { width, height, channels }: Model["input"], code: string): string =>
  `import * as runtime from "cnxc/runtime";

const preprocessing = { name: ${JSON.stringify(name)}, width: ${width}, height: ${height}, channels: ${channels}, code: ${template(code)} };

export const createPreprocessor = device => runtime.createPreprocessor(device, preprocessing);
`;

const types = `import type { Preprocessor } from "cnxc/runtime";

/** Compiles the kernels that make \`pixel_values\` of images: \`await preprocess(imageData)\` is a GPUBuffer. */
export declare const createPreprocessor: (device: GPUDevice) => Promise<Preprocessor>;
`;
