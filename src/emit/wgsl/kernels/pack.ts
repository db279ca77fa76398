import type { PackParams } from "../../../plan/kernels.ts";
import { divideUp } from "../../../plan/tile.ts";
import { bindingContext, dims, type KernelSource, operandsOf, slots, weight } from "./shared.ts";

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
      ...weight("packed", packed.depth * packed.columns, 1, dims(packed.depth, packed.columns), "write"),
      storage: ["f16", "f32"],
    },
    weight("packed_bias", packed.columns, 1, dims(packed.columns), "write"),
  ]);
  return {
    template: "wgsl/pack",
    once: true,
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
    operands: operandsOf(list),
    grid: [divideUp(packed.columns, invocations), 1],
    workgroup: [invocations, 1],
  };
};
