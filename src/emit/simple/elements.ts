import type { GeluApproximation } from "../../graph/ops.ts";
import { elementwiseOps, type KernelParams, type PointwiseOp, type PointwiseRead } from "../../plan/kernels.ts";
import { patchContext } from "../patches.ts";
import {
  dims,
  elementThreads,
  type Form,
  geluWord,
  inF32,
  keptAs,
  maskOperand,
  parameter,
  present,
  read,
  type SimpleKernel,
  type SimpleOperand,
  tableOperand,
  write,
} from "./kernel.ts";

// Kernels whose threads make a value of a map each, or four of them.

export function elementwise(p: KernelParams["elementwise"], { language, vec: vecOf, padded }: Form): SimpleKernel {
  const { op, length, channels } = p;
  const { value, other, gelu } = elementwiseOps[op];
  const kept = keptAs(p);
  const channelwise = other !== null && other !== "value";
  const vec = channelwise && vecOf(channels) === 1 ? 1 : vecOf(length);
  return {
    template: "elementwise",
    context: {
      value,
      length,
      channels,
      channelwise,
      other: other === null ? null : channelwise ? "vector" : "other",
      eachImage: other === "channel of an image",
      otherAt: channelwise ? `i % ${channels / vec}` : "i",
    },
    operands: present([
      kept(read("input", length, vec, dims(length))),
      other === "value" ? kept(read("other", length, vec, dims(length))) : null,
      other === "channel" ? parameter("vector", channels, vec, dims(channels)) : null,
      other === "channel of an image"
        ? inF32(read("vector", p.close ? channels : padded(channels), vec, dims(channels)))
        : null,
      kept(write("output", length, vec, dims(length))),
    ]),
    threads: elementThreads[language],
    over: { elements: length / vec },
    ...(gelu === null ? {} : { gelu }),
  };
}

/** What each op of `pointwise` gives, as formulas say it and as code does. */
const pointwiseOps: Readonly<
  Record<PointwiseOp["op"], { formula: (args: readonly string[]) => string; gelu?: GeluApproximation; slope?: true }>
> = {
  gelu: { formula: ([x]) => `gelu(${x})`, gelu: "erf" },
  "gelu-tanh": { formula: ([x]) => `gelu(${x})`, gelu: "tanh" },
  silu: { formula: ([x]) => `silu(${x})`, gelu: "silu" },
  relu: { formula: ([x]) => `relu(${x})`, gelu: "relu" },
  "gelu-grad": { formula: ([x, d]) => `${d} * gelu'(${x})`, gelu: "erf", slope: true },
  "gelu-tanh-grad": { formula: ([x, d]) => `${d} * gelu'(${x})`, gelu: "tanh", slope: true },
  "silu-grad": { formula: ([x, d]) => `${d} * silu'(${x})`, gelu: "silu", slope: true },
  "relu-grad": { formula: ([x, d]) => `${d} * relu'(${x})`, gelu: "relu", slope: true },
  multiply: { formula: ([x, y]) => `${x} * ${y}` },
  add: { formula: ([x, y]) => `${x} + ${y}` },
};

/** A model has one form of GELU, and so has a kernel. */
export function pointwise(p: KernelParams["pointwise"], { language, vec: vecOf, padded }: Form): SimpleKernel {
  const { length, channels, reads } = p;
  const channelwise = reads.some(({ per }) => per !== "value");
  const vec = channelwise && vecOf(channels) === 1 ? 1 : vecOf(length);
  const ops = p.ops.map(({ op, args }, index) => {
    const { formula, gelu, slope } = pointwiseOps[op];
    return {
      name: `v${index + 1}`,
      formula: formula(args),
      value: gelu && slope ? `${args[1]} * ${geluWord[gelu]}_slope(${args[0]})` : formula(args),
      gelu: gelu !== undefined && !slope,
      of: args[0],
    };
  });
  const called = p.ops.find(({ op }) => pointwiseOps[op].gelu && !pointwiseOps[op].slope);
  const sloped = p.ops.find(({ op }) => pointwiseOps[op].slope);
  const [gelu, slope] = [called, sloped].map(found => found && pointwiseOps[found.op].gelu);
  const operandOf = ({ role, per, close }: PointwiseRead): SimpleOperand => {
    if (per === "value") return keptAs(p)(read(role, length, vec, dims(length)));
    if (per === "channel") return parameter(role, channels, vec, dims(channels));
    return inF32(read(role, close ? channels : padded(channels), vec, dims(channels)));
  };
  return {
    template: "pointwise",
    context: {
      length,
      channels,
      channelwise,
      loads: reads.map(({ role, name, per }) => ({ role, name, at: per === "value" ? "i" : `i % ${channels / vec}` })),
      ops,
      last: ops.at(-1)?.name ?? "",
    },
    operands: [...reads.map(operandOf), keptAs(p)(write("output", length, vec, dims(length)))],
    threads: elementThreads[language],
    over: { elements: length / vec },
    ...(gelu === undefined ? {} : { gelu }),
    ...(slope === undefined ? {} : { slope }),
  };
}

/** An output of the model that other kernels read in 16 bits. */
export function widen({ length }: KernelParams["widen"], { language, vec: vecOf }: Form): SimpleKernel {
  const vec = vecOf(length);
  return {
    template: "widen",
    context: { length },
    operands: [read("input", length, vec, dims(length)), inF32(write("output", length, vec, dims(length)))],
    threads: elementThreads[language],
    over: { elements: length / vec },
  };
}

export function gatherSites(p: KernelParams["gatherSites"], { language, vec: vecOf }: Form): SimpleKernel {
  const { rows, columns, keep, down, across, channels, fromImage } = p;
  const vec = fromImage ? 1 : vecOf(channels);
  const [height, width] = [rows * down, columns * across];
  const length = keep * down * across * channels;
  return {
    template: "gather-sites",
    context: {
      ...patchContext(p, down, across),
      height,
      width,
      channels,
      line: (across * channels) / vec,
      fromImage: fromImage ?? false,
    },
    operands: [
      fromImage
        ? inF32(read("input", channels * height * width, 1, dims(channels, height, width)))
        : keptAs(p)(read("input", height * width * channels, vec, dims(height, width, channels))),
      tableOperand(p),
      keptAs(p)(write("output", length, vec, dims(keep * down, across, channels))),
    ],
    threads: elementThreads[language],
    over: { elements: length / vec },
  };
}

export function placeSites(p: KernelParams["placeSites"], { language, vec: vecOf }: Form): SimpleKernel {
  const { rows, columns, keep, down, across, channels, from, token } = p;
  const vec = vecOf(channels);
  const [height, width] = [rows * down, columns * across];
  const compact = from === "compact";
  const length = height * width * channels;
  return {
    template: "place-sites",
    context: {
      ...patchContext(p, down, across),
      height,
      width,
      channels,
      channelCount: channels / vec,
      compact,
      token,
    },
    operands: present([
      keptAs(p)(
        compact
          ? read("input", keep * down * across * channels, vec, dims(keep * down, across, channels))
          : read("input", length, vec, dims(height, width, channels)),
      ),
      compact ? tableOperand(p) : maskOperand(p),
      token ? parameter("token", channels, vec, dims(channels)) : null,
      keptAs(p)(write("output", length, vec, dims(height, width, channels))),
    ]),
    threads: elementThreads[language],
    over: { elements: length / vec },
  };
}

export function averagePool(p: KernelParams["averagePool"], { language, vec: vecOf }: Form): SimpleKernel {
  const { height, width, channels, size } = p;
  const vec = vecOf(channels);
  const [outHeight, outWidth] = [height / size, width / size];
  const length = outHeight * outWidth * channels;
  return {
    template: "average-pool",
    context: { ...p, outWidth, channelCount: channels / vec, sites: size * size },
    operands: [
      read("input", height * width * channels, vec, dims(height, width, channels)),
      write("output", length, vec, dims(outHeight, outWidth, channels)),
    ],
    threads: elementThreads[language],
    over: { elements: length / vec },
  };
}
