import type { OpTable } from "./graph.ts";
import { at, dim, eachSite, empty, type Operands, pick, type Values } from "./values.ts";

// Convolutions whose patches overlap, and what is under their taps.

/** Sites along one side, one for each stride that begins there. */
export const strides = (length: number, stride: number): number => Math.ceil(length / stride);

/** x at a site and channel, 0 around the map. */
function padded(x: Values, image: number, row: number, column: number, channel: number): number {
  const [, height, width, c] = x.shape as [number, number, number, number];
  if (row < 0 || row >= height || column < 0 || column >= width) return 0;
  return at(x.data, ((image * height + row) * width + column) * c + channel);
}

export const unfoldOps = {
  conv({ attrs: { kernel, stride } }, operands) {
    const [x, w, b] = pick(operands, 3) as [Values, Values, Values];
    const [n, height, width, inputs] = x.shape as [number, number, number, number];
    const reach = (kernel - 1) / 2;
    const out = empty([n, strides(height, stride), strides(width, stride), dim(w, 0)]);
    eachSite(out.shape, (i, image, row, column, o) => {
      let sum = at(b.data, o);
      for (let k = 0; k < inputs; k++)
        for (let dy = 0; dy < kernel; dy++)
          for (let dx = 0; dx < kernel; dx++)
            sum +=
              padded(x, image, row * stride + dy - reach, column * stride + dx - reach, k) *
              at(w.data, ((o * inputs + k) * kernel + dy) * kernel + dx);
      out.data[i] = sum;
    });
    return out;
  },

  unfold({ attrs: { kernel, stride } }, operands) {
    const [x] = pick(operands, 1) as [Values];
    const [n, height, width, c] = x.shape as [number, number, number, number];
    const [reach, taps] = [(kernel - 1) / 2, kernel * kernel];
    const out = empty([n, strides(height, stride), strides(width, stride), c * taps]);
    eachSite(out.shape, (i, image, row, column, deep) => {
      const [dy, dx] = [Math.floor((deep % taps) / kernel), deep % kernel];
      const [y, z] = [row * stride + dy - reach, column * stride + dx - reach];
      out.data[i] = padded(x, image, y, z, Math.floor(deep / taps));
    });
    return out;
  },
} as const satisfies Partial<OpTable<Values, [Operands]>>;
