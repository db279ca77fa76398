import type { PatchGrid } from "../../../graph/ops.ts";
import { roundUp } from "../../../plan/tile.ts";
import { bindingContext, type KernelSource, maskSlot, operandsOf, patchTableSlot } from "./shared.ts";

/** Once a run, for all kernels that look patches up. */
export const patchTable = (grid: PatchGrid): KernelSource => {
  const patches = grid.rows * grid.columns;
  const invocations = Math.min(64, roundUp(patches, 8));
  const list = [maskSlot(grid), patchTableSlot(grid, "write")];
  return {
    template: "patch-table",
    context: { ...grid, patches, invocations, tableLength: patches + grid.keep, bindings: bindingContext(list) },
    operands: operandsOf(list),
    grid: [1, 1],
    workgroup: [invocations, 1],
  };
};
