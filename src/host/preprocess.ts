import { preprocessKernelProblems, preprocessWgsl } from "../emit/wgsl/preprocess.ts";
import type { Model } from "../model/model.ts";
import { channelsRead } from "../preprocess/picture.ts";
import type { PreprocessDescriptor } from "../runtime/pictures/descriptor.ts";
import { preprocessModule, preprocessModuleTypes } from "./data.ts";
import { comment, type TextFile } from "./typed-module.ts";

/** Whether kernels can fit pictures into a model's input. */
export const takesPictures = (model: Model): boolean =>
  channelsRead(model) === 3 && preprocessKernelProblems(model).length === 0;

/** The kernel that fits images into a model's input, alone and as a module that runs it with `cnxc/runtime`. */
export function preprocessFiles(model: Model, banner: readonly string[]): readonly TextFile[] {
  const first = comment(banner);
  const descriptor = describePreprocess(model);
  const module = preprocessName(model.name);
  return [
    { path: `${module}.js`, contents: `${first}\n${preprocessModule(descriptor)}` },
    { path: `${module}.d.ts`, contents: `${first}\n${preprocessModuleTypes}` },
    { path: "wgsl/preprocess.wgsl", contents: first + descriptor.code },
  ];
}

/** A model of that name, in any case, has a module of that name itself. */
export const preprocessName = (name: string): string =>
  name.toLowerCase() === "preprocess" ? "preprocess_images" : "preprocess";

function describePreprocess(model: Model): PreprocessDescriptor {
  const { name, input, preprocess } = model;
  const { display: _, ...fit } = preprocess;
  return { name, ...input, fit, code: preprocessWgsl(model) };
}
