import { banner } from "../emit/banner.ts";
import type { EmitContext, KernelTarget, OutputFile } from "../emit/target.ts";
import { describe } from "../emit/wgsl/descriptor.ts";
import { wgslPasses } from "../emit/wgsl/wgsl.ts";
import type { Model } from "../model/model.ts";
import { f16Params, type Plan } from "../plan/plan.ts";
import { printPlan } from "../plan/print.ts";
import type { WebgpuProfileName } from "../plan/tuning-profiles.ts";
import { f32Tensor, writeSafetensors } from "../weights/formats/safetensors.ts";
import { withinHalf } from "../weights/use/within-half.ts";
import { hostModule } from "./module.ts";
import { preprocessFiles } from "./preprocess.ts";

/** WGSL kernels and a typed host module, with the tiles of one tuning; `half` stores maps and matrices as f16. */
export const wgslTarget = (tuning: WebgpuProfileName, half: boolean): KernelTarget => ({
  name: "wgsl",
  takes: "plan",
  ...wgslPasses,
  tuning,
  half,
  emit,
});

function emit(plan: Plan, context: EmitContext): readonly OutputFile[] {
  const descriptor = describe(plan);
  const lines = banner(context);
  const comment = lines.map(line => `// ${line}\n`).join("");
  const weights = context.weights && withinHalf(context.weights, f16Params(plan));
  return [
    ...hostModule(descriptor, { banner: lines, summary: summary(context.model) }),
    ...(context.preprocess ? preprocessFiles(context.model, lines) : []),
    ...descriptor.kernels.map(({ name, code }) => ({ path: `wgsl/${name}.wgsl`, contents: comment + code })),
    { path: "plan.txt", contents: printPlan(plan) },
    ...(weights === null
      ? []
      : [
          {
            path: "weights.safetensors",
            contents: writeSafetensors(
              plan.params.map(({ name, shape }) => f32Tensor(name, shape, () => weights.f32(name))),
              { format: "pt", ...(weights.license === undefined ? {} : { license: weights.license }) },
            ),
          },
        ]),
  ];
}

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
