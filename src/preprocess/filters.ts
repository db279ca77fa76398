import type { Filter } from "../model/model.ts";

/** A filter of Pillow's: how far it reaches to each side, in pixels, and what a pixel at that distance counts. */
export interface FilterKernel {
  readonly support: number;
  readonly at: (x: number) => number;
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

/** In the order of operations that Pillow has (src/libImaging/Resample.c), so that weights come out to the bit. */
export const filterKernels: { readonly [K in Exclude<Filter, "nearest">]: FilterKernel } = {
  box: { support: 0.5, at: x => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, at: x => Math.max(0, 1 - Math.abs(x)) },
  hamming: {
    support: 1,
    at: x => (Math.abs(x) >= 1 ? 0 : sinc(Math.abs(x)) * (0.54 + 0.46 * Math.cos(Math.PI * Math.abs(x)))),
  },
  bicubic: { support: 2, at: cubic },
  lanczos: { support: 3, at: x => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** Keys' cubic with a = -1/2. */
function cubic(x: number): number {
  const t = Math.abs(x);
  if (t < 1) return (1.5 * t - 2.5) * t * t + 1;
  return t < 2 ? (((t - 5) * t + 8) * t - 4) * -0.5 : 0;
}
