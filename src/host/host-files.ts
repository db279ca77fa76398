import { banner } from "../emit/banner.ts";
import type { HostWriter } from "../emit/wgsl/target.ts";
import type { Model } from "../model/model.ts";
import { bundleFiles } from "./bundle.ts";
import { classifierFiles, classifiesPictures } from "./classifier.ts";
import { hostModule } from "./module.ts";
import { preprocessFiles } from "./preprocess.ts";
import { trainerFiles } from "./trainer.ts";

/**
 * The typed host module of a model; what fits images into its input where that is asked for, and of a classifier always, which
 * then has a module from pictures to labels; and where they are asked for what trains it, and all in one.
 */
export const hostFiles: HostWriter = (descriptor, context, training, software) => {
  const lines = banner(context);
  const { name, head } = context.model;
  const classifies = classifiesPictures(context.model);
  const running = [
    ...hostModule(descriptor, { banner: lines, summary: summary(context.model), head, software }),
    ...(context.preprocess || classifies ? preprocessFiles(context.model, lines) : []),
    ...(classifies ? classifierFiles(context.model, lines) : []),
  ];
  return [
    ...running,
    ...(training === null ? [] : trainerFiles(descriptor, training, context.model, lines)),
    ...(context.bundle ? bundleFiles(name, running, lines) : []),
  ];
};

/** What the generated `createModel` says it makes. */
function summary({ name, input, stages, head }: Model): string {
  const out =
    head.kind === "classifier"
      ? head.classes === 0
        ? "pooled features"
        : `${head.classes} classes`
      : head.kind === "features"
        ? `feature maps of levels ${head.levels.join(", ")}`
        : "a masked autoencoder";
  const list = (values: readonly number[]): string => `[${values.join(", ")}]`;
  return (
    `ConvNeXt \`${name}\`: ${input.height}x${input.width}x${input.channels} to ${out}, ` +
    `depths ${list(stages.map(stage => stage.depth))}, dims ${list(stages.map(stage => stage.dim))}.`
  );
}
