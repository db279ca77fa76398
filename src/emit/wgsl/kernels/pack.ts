import { type FoldStep, foldOps, foldVectors, type PackParams } from "../../../plan/kernels.ts";
import { divideUp } from "../../../plan/tiles/tile.ts";
import { bindingContext, dims, type KernelSource, operandsOf, slots, weight } from "./shared.ts";

export const pack = (p: PackParams): KernelSource => {
  const { columns, channels, taps, packed, fold } = p;
  const { segment, depth } = packed;
  const rows = channels * taps;
  const flat = taps === 1 || segment === null;
  const shape = flat ? dims(columns, rows) : dims(columns, channels, taps);
  const packedShape = dims(depth, packed.columns);
  const outside = [
    ...beyond("n", columns, packed.columns),
    ...(flat
      ? beyond("k", rows, depth)
      : [...beyond("c", channels, segment), ...beyond("tap", taps, Math.ceil(depth / segment))]),
  ];
  const invocations = 64;
  const list = slots([
    weight("weight", columns * rows, 1, shape),
    weight("bias", columns, 1, dims(columns)),
    ...[...foldVectors(p)].map(([role, elements]) => weight(role, elements, 1, dims(elements))),
    { ...weight("packed", depth * packed.columns, 1, packedShape, "write"), storage: ["f16", "f32"] },
    weight("packed_bias", packed.columns, 1, dims(packed.columns), "write"),
  ]);
  const channel = !flat ? "c" : taps === 1 ? "k" : channels === 1 ? "0" : `k / ${taps}`;
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
      outside: outside.join(" || "),
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

/** What keeps an index from what lies beyond its size, where it goes so far. */
const beyond = (index: string, size: number, end: number): readonly string[] =>
  end > size ? [`${index} >= ${size}`] : [];
