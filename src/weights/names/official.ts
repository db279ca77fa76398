import { invariant } from "../../diagnostics/invariant.ts";
import { dtypeBytes, type FileDType } from "../dtype.ts";
import { joined, type Pieces } from "../pieces.ts";
import { elements, piecesOf, type Tensor, type TensorData, type TensorFile } from "../tensor.ts";
import { fromOfficial, isReversed, type Style, shapeIn, toOfficial } from "./layouts.ts";
import type { Dialect } from "./name-rows.ts";
import type { KnownName } from "./names.ts";
import type { Renamed } from "./rename.ts";

/** A tensor under its official name and with its official shape. */
export interface OfficialTensor {
  readonly name: string;
  readonly known: KnownName;
  readonly dtype: FileDType;
  readonly shape: readonly number[];
  /** The tensor of a file whose bytes these are, in the file's order; null for one that is made. */
  readonly tensor: Tensor | null;
  /** Whose order of elements `bytes` has. */
  readonly layout: Dialect;
  bytes(): Pieces | Promise<Pieces>;
}

/** Its shape must be one that something asks for. */
export function officialTensor(name: string, { tensor, known, shape }: Renamed, file: TensorFile, from: Dialect) {
  invariant(shape !== null, `'${tensor.name}' has a shape that nothing asks for`);
  const bytes = () => piecesOf(file, tensor.name);
  return { name, known, dtype: tensor.dtype, shape, tensor, layout: from, bytes } satisfies OfficialTensor;
}

/** The tensor as a dialect names and lays it out; in memory whole only where its order differs. */
export function inDialect(source: OfficialTensor, target: KnownName, to: Dialect, style: Style): TensorData {
  const { known, dtype, shape, layout } = source;
  const width = dtypeBytes[dtype];
  const turned = isReversed(known, layout) !== isReversed(target, to);
  return {
    name: target.name,
    dtype,
    shape: shapeIn(target, to, shape, style),
    bytes: async () => {
      const pieces = await source.bytes();
      if (!turned) return pieces;
      const whole = await joined(pieces, width * elements(shape));
      return fromOfficial(target, to, shape, toOfficial(known, layout, shape, whole, width), width);
    },
  };
}
