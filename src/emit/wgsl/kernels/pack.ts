import { type FoldOp, foldOps, foldVectors, type PackParams } from "../../../plan/kernels.ts";
import { divideUp } from "../../../plan/tiles/tile.ts";
import { dims } from "../../simple/kernel.ts";
import { bindingContext, type KernelSource, operandsOf, type Size, sizesFor, slots, weight } from "./shared.ts";

/** Packing runs once, so that one text for many layers saves more than sizes in it could. */
export const pack = (p: PackParams): KernelSource => {
  const { taps, packed, fold, turned, bare = false } = p;
  const { size, taken } = sizesFor(true);
  const [columns, channels] = [size("columns", p.columns), size("channels", p.channels)];
  const [depth, packedColumns] = [size("depth", packed.depth), size("packedColumns", packed.columns)];
  const tapMajor = taps > 1 && packed.segment !== null;
  const segment = tapMajor ? size("segment", packed.segment) : null;
  const shape = dims(columns, channels, taps);
  const packedShape = dims(depth, packedColumns);
  const transposed = turned === "transposed";
  const outside = [
    `n >= ${columns}`,
    transposed ? `tap >= ${taps}` : `c >= ${channels}`,
    ...(tapMajor ? [`tap >= ${taps}`] : []),
  ];
  const back = (n: string) => ({ column: "k", channel: `${n} % ${channels}`, tap: `${n} / ${channels}` });
  const tapOf = tapMajor ? `k / ${segment}` : taps === 1 ? "0" : `k % ${taps}`;
  const invocations = 64;
  const along = (role: string): Size =>
    fold.some(({ op, by }) => by === role && foldOps[op].along === "columns") ? columns : channels;
  const list = slots([
    weight("weight", p.columns * p.channels * taps, 1, shape),
    turned || bare ? null : weight("bias", p.columns, 1, dims(columns)),
    ...[...foldVectors(p)].map(([role, elements]) => weight(role, elements, 1, dims(along(role)))),
    { ...weight("packed", packed.depth * packed.columns, 1, packedShape, "write"), storage: ["f16", "f32"] },
    weight("packed_bias", packed.columns, 1, dims(packedColumns), "write"),
  ]);
  const steps = fold.map(({ op, by }) => {
    const { of, along } = foldOps[op];
    const index = along === "columns" ? "n" : "c";
    return { by, index, bias: of === "bias", through: op === "biasThrough", formula: formulas[op](`${by}[${index}]`) };
  });
  const scalesBefore = (end: number) => steps.slice(0, end).filter(({ bias }) => !bias);
  return {
    template: "wgsl/pack",
    once: true,
    context: {
      columns,
      channels,
      taps,
      segment,
      tapMajor,
      channelOf: tapMajor ? `k % ${segment}` : taps === 1 ? "k" : `k / ${taps}`,
      tapOf: turned === "flipped" ? `${taps - 1} - ${tapOf}` : tapOf,
      turned: turned ?? null,
      bare,
      back: transposed ? { first: back("n"), second: back("(n + 1)") } : null,
      weightShape: shape,
      packedShape,
      packedDepth: depth,
      packedColumns,
      invocations,
      at: `(n * ${channels} + c) * ${taps} + tap`,
      outside: outside.join(" || "),
      steps,
      weightSteps: scalesBefore(steps.length),
      biasSteps: steps.map((step, i) => ({ ...step, weightSteps: scalesBefore(i) })).filter(({ bias }) => bias),
      bindings: bindingContext(list, true),
    },
    operands: operandsOf(list),
    sizes: taken,
    grid: [divideUp(packed.columns, invocations), 1],
    workgroup: [invocations, 1],
  };
};

/** What a step does by an element of its vector. */
const formulas: { readonly [K in FoldOp]: (by: string) => string } = {
  scaleInputs: by => `w[c,tap] *= ${by}`,
  scaleOutputs: by => `w[c,tap] *= ${by}`,
  scaleBias: by => `b *= ${by}`,
  biasThrough: by => `b += sum over c,tap of w[c,tap] * ${by}`,
};
