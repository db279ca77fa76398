import type { KernelParams } from "../../plan/kernels.ts";
import { dims, elementThreads, type Form, keptAs, read, type SimpleKernel, write } from "./kernel.ts";

// Norms that leave the mean where it is. A thread makes a row.

export function rescale(p: KernelParams["rescale"], { language }: Form): SimpleKernel {
  const { rows, channels } = p;
  const row = dims(rows, channels);
  const kept = keptAs(p);
  return {
    template: "rescale",
    context: contextOf(p),
    operands: [kept(read("input", rows * channels, 1, row)), kept(write("output", rows * channels, 1, row))],
    threads: elementThreads[language],
    over: { elements: rows },
  };
}

export function rescaleGrad(p: KernelParams["rescaleGrad"], { language }: Form): SimpleKernel {
  const { rows, channels } = p;
  const row = dims(rows, channels);
  const kept = keptAs(p);
  return {
    template: "rescale-grad",
    context: contextOf(p),
    operands: [
      kept(read("input", rows * channels, 1, row)),
      kept(read("d", rows * channels, 1, row)),
      kept(write("output", rows * channels, 1, row)),
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
