import { invariant } from "../../diagnostics/invariant.ts";
import type { Precision } from "../../model/model.ts";
import { foldVectors, type KernelKind, type KernelParams, type PackParams } from "../../plan/kernels.ts";
import type { DataType, Kernel, KernelCall, KernelOperand, Plan } from "../../plan/plan.ts";
import { divideUp } from "../../plan/tiles/tile.ts";
import { forSimpleKinds } from "../simple/kernels.ts";
import { depthwise, stem } from "./kernels/convolutions.ts";
import { downsample, gemm } from "./kernels/gemm.ts";
import { mlp } from "./kernels/mlp.ts";
import { gemv, rowNorm } from "./kernels/rows.ts";
import { type CudaKernel, type Setting, settingOf, typeOf } from "./kernels/shared.ts";
import { simple } from "./kernels/simple.ts";
import { siteDepthwise } from "./kernels/sites.ts";
import { weightGrad } from "./kernels/weight-grad.ts";

/** One line a kernel kind; `pack` is one text for all layers. */
const kernels: {
  readonly [K in Exclude<KernelKind, "pack">]: (params: KernelParams[K], setting: Setting) => CudaKernel;
} = {
  depthwise,
  gemm,
  mlp,
  downsample,
  stem,
  gemv,
  rowNorm,
  siteDepthwise,
  weightGrad,
  ...forSimpleKinds(simple),
};

type Call = Pick<KernelCall, "kind" | "params">;

/** A kernel, its launch and the context of its template: all arithmetic, so that templates hold syntax alone. */
export function cudaSource({ kind, params }: Call, setting: Setting): CudaKernel {
  invariant(kind in kernels, `CUDA has no kernel '${kind}' by itself`);
  return (kernels[kind as keyof typeof kernels] as (params: unknown, setting: Setting) => CudaKernel)(params, setting);
}

/** The same of a step of a plan. */
export const sourceOf = (step: Call, { precision, batch }: Pick<Plan, "precision" | "batch">): CudaKernel =>
  cudaSource(step, settingOf(precision, batch.max));

/** Operands, grid and threads of a call in a build of one precision. */
export const cudaKernel =
  (precision: Precision) =>
  (call: Call, batch: { readonly max: number }): Kernel => {
    if (call.kind === "pack") return packing(call.params as PackParams);
    const { operands, grid, threads, images } = sourceOf(call, { precision, batch: { min: 1, ...batch } });
    return {
      operands: operands.map(({ role, access, elements, perImage, storage }) => {
        return { role, access, elements, perImage, storage: [typeOf(storage, precision)] };
      }),
      grid,
      workgroup: [threads, 1],
      images,
    };
  };

const floats: readonly DataType[] = ["f32", "tf32", "f16", "bf16"];

/** A thread a column; the weight is packed in the type in which kernels read it. */
function packing(params: PackParams): Kernel {
  const { columns, channels, taps, packed } = params;
  const threads = 64;
  const read = (role: string, elements: number): KernelOperand => {
    return { role, access: "read", elements, perImage: false, storage: ["f32"] };
  };
  return {
    operands: [
      read("weight", columns * channels * taps),
      ...(params.bare || params.turned ? [] : [read("bias", columns)]),
      ...[...foldVectors(params)].map(([role, elements]) => read(role, elements)),
      { ...read("packed", packed.depth * packed.columns), access: "write", storage: floats },
      { ...read("packed_bias", packed.columns), access: "write" },
    ],
    grid: [divideUp(packed.columns, threads), 1],
    workgroup: [threads, 1],
    images: 0,
  };
}
