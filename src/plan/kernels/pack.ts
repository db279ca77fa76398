import { divideUp } from "../tile.ts";
import { bindingContext, bindingsOf, dims, type KernelSource, slots, weight } from "./shared.ts";

export interface PackParams {
  readonly columns: number;
  readonly channels: number;
  /** Spatial taps of the source weight, innermost there: 1 linear, 4 downsample, k*k depthwise. */
  readonly taps: number;
  /** Rows a tap takes in the packed weight, and the whole packed shape. */
  readonly packed: { readonly segment: number; readonly depth: number; readonly columns: number };
  readonly gamma: boolean;
  readonly beta: boolean;
  readonly rowscale: boolean;
}

export const pack = (p: PackParams): KernelSource => {
  const { columns, channels, taps, packed, gamma, beta, rowscale } = p;
  const depth = channels * taps;
  const invocations = 64;
  const list = slots([
    weight("weight", columns * depth, 1, taps === 1 ? dims(columns, depth) : dims(columns, channels, taps)),
    weight("bias", columns, 1, dims(columns)),
    gamma ? weight("gamma", channels, 1, dims(channels)) : null,
    beta ? weight("beta", channels, 1, dims(channels)) : null,
    rowscale ? weight("rowscale", columns, 1, dims(columns)) : null,
    {
      ...weight("packed", packed.depth * packed.columns, 1, dims(packed.depth, packed.columns), "read_write"),
      f16Allowed: true,
    },
    weight("packed_bias", packed.columns, 1, dims(packed.columns), "read_write"),
  ]);
  return {
    template: "pack",
    context: {
      columns,
      channels,
      taps,
      depth,
      gamma,
      beta,
      rowscale,
      invocations,
      tapped: taps > 1,
      segment: packed.segment,
      packedDepth: packed.depth,
      packedColumns: packed.columns,
      lastColumn: columns - 1,
      usedDepth: taps * packed.segment,
      padded: taps * packed.segment !== packed.depth,
      bindings: bindingContext(list),
    },
    bindings: bindingsOf(list),
    grid: [divideUp(packed.columns, invocations), 1],
    workgroup: [invocations, 1],
  };
};
