import { invariant } from "../../diagnostics/invariant.ts";
import type { KernelKind, KernelParams } from "../../plan/kernels.ts";
import type { Kernel, KernelCall, KernelOperand } from "../../plan/plan.ts";
import { forSimpleKinds } from "../simple/kernels.ts";
import { depthwise } from "./kernels/depthwise.ts";
import { downsample, gemm } from "./kernels/gemm.ts";
import { gemv } from "./kernels/gemv.ts";
import { pack } from "./kernels/pack.ts";
import { rowNorm } from "./kernels/row-norm.ts";
import type { KernelSource } from "./kernels/shared.ts";
import { simple } from "./kernels/simple.ts";
import { siteDepthwise } from "./kernels/site-depthwise.ts";
import { stem } from "./kernels/stem.ts";
import { weightGrad } from "./kernels/weight-grad.ts";

type Maker<K extends KernelKind> = (params: KernelParams[K], shared: boolean) => KernelSource;

/** One line a kernel kind that has a text of its own here; null for those that only passes of CUDA make. */
const kernels: { readonly [K in KernelKind]: Maker<K> | null } = {
  depthwise,
  gemm,
  mlp: null,
  downsample,
  stem,
  gemv,
  rowNorm,
  siteDepthwise,
  pack,
  weightGrad,
  ...forSimpleKinds(simple),
};

type Call = Pick<KernelCall, "kind" | "params">;

/** A kernel and the context of its template: all arithmetic, so that templates hold syntax alone. */
export function wgslSource({ kind, params }: Call, shared = false): KernelSource {
  const make = kernels[kind] as Maker<KernelKind> | null;
  invariant(make, `WGSL has no kernel '${kind}'`);
  return make(params, shared);
}

/**
 * Operands, grid and workgroup of a kernel; its maps and matrices in 16 bits where `half`. The batch is the grid's third
 * dimension; activations hold one image after the other.
 */
export const wgslKernel =
  (half: boolean) =>
  (call: Call): Kernel => {
    const { operands, grid, workgroup, once } = wgslSource(call);
    return { operands: half ? operands : operands.map(wide), grid, workgroup, images: once ? 0 : 1 };
  };

const wide = (operand: KernelOperand): KernelOperand => ({
  ...operand,
  storage: operand.storage.filter(type => type !== "f16"),
});
