import type { KernelParams } from "../../plan/kernels.ts";
import { divideUp } from "../../plan/tiles/tile.ts";
import { dims, elementThreads, type Form, inF32, read, type SimpleKernel, write } from "./kernel.ts";

// What is under the taps of convolutions whose patches overlap, and its gradient. A thread makes a value.

export function unfold(p: KernelParams["unfold"], { language }: Form): SimpleKernel {
  const { height, width, channels, fromImage = false } = p;
  const { deep, outHeight, outWidth, ...window } = windowOf(p);
  const length = outHeight * outWidth * deep;
  const input = (note: string) => read("input", height * width * channels, 1, note);
  return {
    template: "unfold",
    context: { height, width, channels, fromImage, deep, outHeight, outWidth, ...window },
    operands: [
      fromImage ? inF32(input(dims(channels, height, width))) : input(dims(height, width, channels)),
      write("output", length, 1, dims(outHeight, outWidth, deep)),
    ],
    threads: elementThreads[language],
    over: { elements: length },
  };
}

export function unfoldGrad(p: KernelParams["unfoldGrad"], { language }: Form): SimpleKernel {
  const { height, width, channels } = p;
  const { deep, outHeight, outWidth, ...window } = windowOf(p);
  const length = height * width * channels;
  return {
    template: "unfold-grad",
    context: { height, width, channels, deep, outHeight, outWidth, ...window },
    operands: [
      read("d", outHeight * outWidth * deep, 1, dims(outHeight, outWidth, deep)),
      write("output", length, 1, dims(height, width, channels)),
    ],
    threads: elementThreads[language],
    over: { elements: length },
  };
}

const windowOf = ({ height, width, channels, kernel, stride }: KernelParams["unfoldGrad"]) => ({
  kernel,
  stride,
  reach: (kernel - 1) / 2,
  taps: kernel * kernel,
  deep: channels * kernel * kernel,
  outHeight: divideUp(height, stride),
  outWidth: divideUp(width, stride),
});
