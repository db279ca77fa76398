import { type FoldStep, foldOps, foldVectors, type PackParams } from "../../../plan/kernels.ts";
import { divideUp } from "../../../plan/tiles/tile.ts";
import { bindingContext, dims, type KernelSource, operandsOf, slots, weight } from "./shared.ts";

export const pack = (p: PackParams): KernelSource => {
  const { columns, channels, taps, packed, fold, turned } = p;
  const { segment, depth } = packed;
  const rows = channels * taps;
  const flat = taps === 1 || (segment === null && turned !== "transposed");
  const shape = flat ? dims(columns, rows) : dims(columns, channels, taps);
  const packedShape = dims(depth, packed.columns);
  const transposed = turned === "transposed";
  const outside = transposed
    ? [
        ...beyond("n", columns, depth),
        ...(flat ? beyond("k", rows, packed.columns) : beyond("tap", taps, packed.columns / channels)),
      ]
    : [
        ...beyond("n", columns, packed.columns),
        ...(flat
          ? beyond("k", rows, depth)
          : [
              ...beyond("c", channels, segment ?? depth),
              ...beyond("tap", taps, Math.ceil(depth / (segment ?? depth))),
            ]),
      ];
  const source = transposed
    ? {
        at: flat ? "k, n" : `k, n % ${channels}, n / ${channels}`,
        next: flat ? "k, n + 1" : `k, (n + 1) % ${channels}, (n + 1) / ${channels}`,
      }
    : { at: flat ? "n, k" : "n, c, tap", next: flat ? "n + 1, k" : "n + 1, c, tap" };
  const invocations = 64;
  const list = slots([
    weight("weight", columns * rows, 1, shape),
    turned ? null : weight("bias", columns, 1, dims(columns)),
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
      at:
        turned === "flipped"
          ? `n * ${rows} + ${rows - 1} - k`
          : flat
            ? `n * ${rows} + k`
            : `(n * ${channels} + c) * ${taps} + tap`,
      source,
      segments: !flat && !transposed,
      turned: turned ?? null,
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
