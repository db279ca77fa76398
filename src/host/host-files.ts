import { banner } from "../emit/banner.ts";
import type { HostWriter } from "../emit/wgsl/target.ts";
import type { Model } from "../model/model.ts";
import { bundleFiles } from "./bundle.ts";
import { hostModule } from "./module.ts";
import { preprocessFiles } from "./preprocess.ts";
import { trainerFiles } from "./trainer.ts";

/** The typed host module of a model, and what is asked for besides: what trains it, fits images into its input, is all in one. */
export const hostFiles: HostWriter = (descriptor, context, training) => {
  const lines = banner(context);
  const { name, head } = context.model;
  const running = [
    ...hostModule(descriptor, { banner: lines, summary: summary(context.model), head }),
    ...(context.preprocess ? preprocessFiles(context.model, lines) : []),
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
