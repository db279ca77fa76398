import { type FoldOp, foldOps, foldVectors, type PackParams } from "../../../plan/kernels.ts";
import { divideUp } from "../../../plan/tiles/tile.ts";
import { dims } from "../../simple/kernel.ts";
import { bindingContext, type KernelSource, operandsOf, slots, weight } from "./shared.ts";

export const pack = (p: PackParams): KernelSource => {
  const { columns, channels, taps, packed, fold, turned, bare = false } = p;
  const { segment, depth } = packed;
  const tapMajor = taps > 1 && segment !== null;
  const shape = dims(columns, channels, taps);
  const packedShape = dims(depth, packed.columns);
  const transposed = turned === "transposed";
  const outside = transposed
    ? [...beyond("n", columns, depth), ...beyond("tap", taps, divideUp(packed.columns, channels))]
    : [
        ...beyond("n", columns, packed.columns),
        ...beyond("c", channels, tapMajor ? segment : divideUp(depth, taps)),
        ...(tapMajor ? beyond("tap", taps, divideUp(depth, segment)) : []),
      ];
  const back = (n: string) => ({ column: "k", channel: `${n} % ${channels}`, tap: `${n} / ${channels}` });
  const tapOf = tapMajor ? `k / ${segment}` : taps === 1 ? "0" : `k % ${taps}`;
  const invocations = 64;
  const list = slots([
    weight("weight", columns * channels * taps, 1, shape),
    turned || bare ? null : weight("bias", columns, 1, dims(columns)),
    ...[...foldVectors(p)].map(([role, elements]) => weight(role, elements, 1, dims(elements))),
    { ...weight("packed", depth * packed.columns, 1, packedShape, "write"), storage: ["f16", "f32"] },
    weight("packed_bias", packed.columns, 1, dims(packed.columns), "write"),
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
      packedColumns: packed.columns,
      invocations,
      at: `(n * ${channels} + c) * ${taps} + tap`,
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

/** What a step does by an element of its vector. */
const formulas: { readonly [K in FoldOp]: (by: string) => string } = {
  scaleInputs: by => `w[c,tap] *= ${by}`,
  scaleOutputs: by => `w[c,tap] *= ${by}`,
  scaleBias: by => `b *= ${by}`,
  biasThrough: by => `b += sum over c,tap of w[c,tap] * ${by}`,
};

/** What keeps an index from what lies beyond its size, where it goes so far. */
const beyond = (index: string, size: number, end: number): readonly string[] =>
  end > size ? [`${index} >= ${size}`] : [];
