import { type FoldStep, foldOps, foldVectors, type PackParams } from "../../../plan/kernels.ts";
import { divideUp } from "../../../plan/tile.ts";
import { bindingContext, dims, type KernelSource, operandsOf, slots, weight } from "./shared.ts";

export const pack = (p: PackParams): KernelSource => {
  const { columns, channels, taps, packed, fold } = p;
  const { segment, depth } = packed;
  const rows = channels * taps;
  const flat = taps === 1 || segment === 1;
  const shape = flat ? dims(columns, rows) : dims(columns, channels, taps);
  const packedShape = dims(depth, packed.columns);
  const guards = [
    ["n", columns, packed.columns],
    ...(flat ? [["k", rows, depth] as const] : []),
    ...(flat ? [] : [["c", channels, segment] as const, ["tap", taps, Math.ceil(depth / segment)] as const]),
  ] as const;
  const invocations = 64;
  const list = slots([
    weight("weight", columns * rows, 1, shape),
    weight("bias", columns, 1, dims(columns)),
    ...[...foldVectors(p)].map(([role, elements]) => weight(role, elements, 1, dims(elements))),
    { ...weight("packed", depth * packed.columns, 1, packedShape, "write"), storage: ["f16", "f32"] },
    weight("packed_bias", packed.columns, 1, dims(packed.columns), "write"),
  ]);
  const channel = taps === 1 ? "k" : flat ? "0" : "c";
  const stepOf = ({ op, by }: FoldStep) => {
    const { of, along } = foldOps[op];
    return { by, index: along === "columns" ? "n" : channel, bias: of === "bias", through: op === "biasThrough" };
  };
  const steps = fold.map(stepOf);
  const scalesBefore = (end: number) => steps.slice(0, end).filter(({ bias }) => !bias);
  return {
    template: "wgsl/pack",
    once: true,
    context: {
      columns,
      channels,
      taps,
      rows,
      segment,
      flat,
      weightShape: shape,
      packedShape,
      packedDepth: depth,
      packedColumns: packed.columns,
      invocations,
      element: flat ? "k" : "c,tap",
      at: flat ? `n * ${rows} + k` : `(n * ${channels} + c) * ${taps} + tap`,
      outside: guards.flatMap(([index, size, reach]) => (reach > size ? [`${index} >= ${size}`] : [])).join(" || "),
      guardColumns: packed.columns > columns,
      steps,
      weightSteps: scalesBefore(steps.length),
      biasSteps: steps.map((step, i) => ({ ...step, weightSteps: scalesBefore(i) })).filter(({ bias }) => bias),
      bindings: bindingContext(list),
    },
    operands: operandsOf(list),
    grid: [divideUp(packed.columns, invocations), 1],
    workgroup: [invocations, 1],
  };
};
