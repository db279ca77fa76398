import { foldingPasses, groupingPasses } from "../../passes/all.ts";
import { f16Params, type Plan } from "../../plan/plan.ts";
import { printPlan } from "../../plan/print.ts";
import { profileFor, type WebgpuProfileName } from "../../plan/tiles/tuning-profiles.ts";
import { f32Tensor, writeSafetensors } from "../../weights/formats/safetensors.ts";
import { withinHalf } from "../../weights/use/within-half.ts";
import { banner } from "../banner.ts";
import { type EmitContext, type KernelTarget, loweredOps, type OutputFile } from "../target.ts";
import { describe, type ModelDescriptor } from "./descriptor.ts";
import { wgslKernel } from "./kernels.ts";
import { wgslProblems } from "./limits.ts";

/** Writes what runs the kernels: modules around a model's descriptor. */
export type HostWriter = (descriptor: ModelDescriptor, context: EmitContext) => readonly OutputFile[];

/**
 * WGSL kernels with the tiles of one tuning profile; `half` stores maps and matrices as f16. What `host` writes goes
 * beside them.
 */
export const wgslTarget = (tuning: WebgpuProfileName, half: boolean, host: HostWriter = () => []): KernelTarget => ({
  name: "wgsl",
  takes: "plan",
  rewriting: foldingPasses,
  grouping: groupingPasses,
  legal: loweredOps,
  precision: half ? "f16" : "f32",
  profile: batch => profileFor(tuning, batch),
  schedulePasses: () => [],
  kernel: wgslKernel(half),
  memory: "buffers",
  problems: wgslProblems,
  emit: (plan, context) => emit(plan, context, host),
});

function emit(plan: Plan, context: EmitContext, host: HostWriter): readonly OutputFile[] {
  const descriptor = describe(plan);
  const comment = banner(context)
    .map(line => `// ${line}\n`)
    .join("");
  const weights = context.weights && withinHalf(context.weights, f16Params(plan));
  return [
    ...host(descriptor, context),
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
