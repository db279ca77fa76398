import type { Batch, Precision, StorageType } from "../../model/model.ts";
import { groupingPasses, kernelPasses } from "../../passes/all.ts";
import type { SchedulePass } from "../../plan/schedule-pass.ts";
import { type TunedChoices, untuned } from "../../plan/tiles/tuned-choices.ts";
import { profileFor } from "../../plan/tiles/tuning-profiles.ts";
import { type KernelTarget, loweredOps } from "../target.ts";
import { cudaFiles } from "./files.ts";
import { storageOf } from "./kernels/shared.ts";
import { cudaKernel } from "./kernels.ts";
import { cudaProblems } from "./limits.ts";
import { chooseDepthwise, splitK } from "./passes/choose-tiles.ts";
import { finishGrn } from "./passes/finish-grn.ts";
import { mergeLinears } from "./passes/merge-linears.ts";
import { widenOutputs } from "./passes/widen-outputs.ts";
import { cudaTrainerFiles } from "./trainer/files.ts";

export interface CudaOptions {
  /** Products of f32 on tensor cores, from operands rounded to TF32. */
  readonly tf32?: boolean;
  /** Also the sources of operators for PyTorch. */
  readonly torch?: boolean;
  /** What a tuning table says for such a batch. */
  readonly tuned?: (batch: Batch) => TunedChoices;
}

/** A C library of CUDA kernels, from the graph that WGSL is made from, with tiles and fusions of its own. */
export const cudaTarget = (
  dtype: StorageType,
  { tf32 = false, torch = false, tuned = () => untuned }: CudaOptions = {},
): KernelTarget => {
  const precision = dtype === "f32" && tf32 ? "tf32" : dtype;
  return {
    name: "cuda",
    takes: "plan",
    rewriting: kernelPasses,
    grouping: groupingPasses,
    legal: loweredOps,
    precision,
    profile: batch => profileFor("cuda", batch, tuned(batch)),
    schedulePasses: batch => cudaPasses(precision, tuned(batch)),
    kernel: cudaKernel(precision),
    memory: "allocations",
    problems: cudaProblems,
    emit: (plan, context) => [
      ...cudaFiles(plan, context, torch),
      ...(context.training ? cudaTrainerFiles(context.training, context, torch) : []),
    ],
  };
};

/** In order: GRN is finished first, so that linears that are merged leave their factors; tiles are of what is left. */
export const cudaPasses = (precision: Precision, tuned: TunedChoices): readonly SchedulePass[] => [
  finishGrn,
  mergeLinears(storageOf(precision), tuned.mlps),
  chooseDepthwise(tuned.depthwise),
  ...(precision === "f32" ? [] : [splitK(precision, tuned.products)]),
  widenOutputs(cudaKernel(precision)),
];
