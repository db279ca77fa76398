import type { KernelParams } from "../../plan/kernels.ts";
import { dims, elementThreads, type Form, inF32, read, type SimpleKernel, write } from "./kernel.ts";

// Norms that leave the mean where it is. A thread makes a row.

export function rescale(p: KernelParams["rescale"], { language }: Form): SimpleKernel {
  const { rows, channels, pooled = false } = p;
  const row = dims(rows, channels);
  const [input, output] = [read("input", rows * channels, 1, row), write("output", rows * channels, 1, row)];
  return {
    template: "rescale",
    context: contextOf(p),
    operands: pooled ? [inF32(input), inF32(output)] : [input, output],
    threads: elementThreads[language],
    over: { elements: rows },
  };
}

export function rescaleGrad(p: KernelParams["rescaleGrad"], { language }: Form): SimpleKernel {
  const { rows, channels } = p;
  const row = dims(rows, channels);
  return {
    template: "rescale-grad",
    context: contextOf(p),
    operands: [
      read("input", rows * channels, 1, row),
      read("d", rows * channels, 1, row),
      write("output", rows * channels, 1, row),
    ],
    threads: elementThreads[language],
    over: { elements: rows },
  };
}

const contextOf = ({ channels, eps, by }: KernelParams["rescaleGrad"]) => ({
  channels,
  eps: String(eps),
  centred: by === "deviation",
  divisor: by === "square" ? channels : channels - 1,
});
