import type { PatchGrid } from "../../graph/ops.ts";
import { roundUp } from "../tile.ts";
import { bindingContext, bindingsOf, type KernelSource, maskSlot, patchTableSlot } from "./shared.ts";

export type PatchTableParams = PatchGrid;

/** Once a run, for all kernels that look patches up. */
export const patchTable = (grid: PatchTableParams): KernelSource => {
  const patches = grid.rows * grid.columns;
  const invocations = Math.min(64, roundUp(patches, 8));
  const list = [maskSlot(grid), patchTableSlot(grid, "read_write")];
  return {
    template: "patch-table",
    context: { ...grid, patches, invocations, tableLength: patches + grid.keep, bindings: bindingContext(list) },
    bindings: bindingsOf(list),
    grid: [1, 1],
    workgroup: [invocations, 1],
  };
};
