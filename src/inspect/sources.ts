import { deviceText, kernelText, packText } from "../emit/cuda/files.ts";
import { describe } from "../emit/wgsl/descriptor.ts";
import { distinctKernels, type Plan } from "../plan/plan.ts";
import type { KernelTargetName } from "./subject.ts";

/** The text of one kernel, as compiling writes it below its first lines. */
export interface KernelSource {
  /** The first value that it computes. */
  readonly name: string;
  readonly code: string;
}

/** The kernels of a pass, each once, and which of them every run is. */
export interface Sources {
  readonly kernels: readonly KernelSource[];
  /** Indices into `kernels`, one a run. */
  readonly ofRun: readonly number[];
  /** What no step of a pass runs. */
  readonly others: readonly KernelSource[];
  /** What the others are, in words. */
  readonly rest: string;
}

/** The text of a plan's kernels. */
export const sourcesOf: { readonly [K in KernelTargetName]: (plan: Plan) => Sources } = {
  wgsl: plan => {
    const { kernels, steps, half } = describe(plan);
    const ofRun = steps.map(({ kernel }) => kernel);
    const used = [...new Set(ofRun)];
    return {
      kernels: used.map(index => kernels[index] as KernelSource),
      ofRun: ofRun.map(index => used.indexOf(index)),
      others: [
        ...(half === undefined ? [] : [{ name: "what kernels with f16 begin with", code: half.native }]),
        ...kernels.filter((_, index) => !used.includes(index)),
      ],
      rest: "kernels that pack the weights once",
    };
  },
  cuda: plan => {
    const { kernels, ofStep } = distinctKernels(plan.steps);
    return {
      kernels: kernels.map(step => ({ name: step.name, code: kernelText(step, plan) })),
      ofRun: ofStep,
      others: [
        { name: "pack", code: packText(plan) },
        { name: "device.h", code: deviceText(plan) },
      ],
      rest: "the kernel that packs the weights once, and what all kernels include",
    };
  },
};
