import type { PatchGrid } from "../graph/ops.ts";
import type { PatchGeometry } from "../plan/kernels.ts";

/** What kernels that look patches up need, of a grid whose patches have so many sites. */
export const patchContext = ({ rows, columns, keep }: PatchGrid, down: number, across: number) => ({
  rows,
  columns,
  keep,
  down,
  across,
  patches: rows * columns,
  tableLength: rows * columns + keep,
});

/** What partials/removed needs: from the row of a product, or a site of a map, to its patch. */
export const maskContext = ({ rows, columns, down, across }: PatchGeometry) => ({
  patches: rows * columns,
  columns,
  width: columns * across,
  down,
  across,
});
