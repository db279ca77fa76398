import { neighbourOf, patchAt, tableOf } from "./evaluate-sites.ts";
import { geluSlopes } from "./gelu.ts";
import { type OpTable, resolve } from "./graph.ts";
import type { TrainingOp } from "./ops.ts";
import type { Variance } from "./training-ops.ts";
import {
  at,
  axpy,
  dim,
  dot,
  eachSite,
  empty,
  map,
  type Operands,
  pick,
  rowScales,
  size,
  type Values,
} from "./values.ts";

const scalar = (value: Values): number => at(value.data, 0);

/** Σ d·x over the rows of both, a matrix of their channels. */
function products(d: Values, x: Values): Values {
  const [outputs, inputs] = [dim(d, -1), dim(x, -1)];
  const out = empty([outputs, inputs]);
  for (let row = 0; row < d.data.length / outputs; row++)
    for (let o = 0; o < outputs; o++)
      axpy(at(d.data, row * outputs + o), x.data, row * inputs, out.data, o * inputs, inputs);
  return out;
}

/**
 * Σ over sites and taps of d times what `from` finds of x: the index of its first channel for a site and a tap, or −1
 * where there is no such site.
 */
function tapProducts(
  d: Values,
  x: Values,
  kernel: number,
  from: (image: number, row: number, column: number, dy: number, dx: number) => number,
): Values {
  const c = dim(d, -1);
  const out = empty([c, 1, kernel, kernel]);
  const [n, height, width] = d.shape as [number, number, number];
  for (let image = 0; image < n; image++)
    for (let row = 0; row < height; row++)
      for (let column = 0; column < width; column++) {
        const here = ((image * height + row) * width + column) * c;
        for (let dy = 0; dy < kernel; dy++)
          for (let dx = 0; dx < kernel; dx++) {
            const there = from(image, row, column, dy, dx);
            if (there < 0) continue;
            for (let i = 0; i < c; i++) {
              const to = (i * kernel + dy) * kernel + dx;
              out.data[to] = at(out.data, to) + at(d.data, here + i) * at(x.data, there + i);
            }
          }
      }
  return out;
}

/** What a sum of squared deviations is divided by. */
const divisors: { readonly [K in Variance]: (n: number) => number } = { biased: n => n, unbiased: n => n - 1 };

/** Σ over all that an index is not of: what `slotOf` sends to one slot is added up. */
function sums(
  length: number,
  count: number,
  slotOf: (index: number) => number,
  value: (index: number) => number,
): Values {
  const out = empty([length]);
  for (let i = 0; i < count; i++) {
    const slot = slotOf(i);
    out.data[slot] = at(out.data, slot) + value(i);
  }
  return out;
}

/** The norms of a row of GRN's statistics, and mean + eps of them. */
function* rowsOfNorms(q: Values, eps: number): Generator<{ row: number; norms: readonly number[]; floor: number }> {
  const c = dim(q, -1);
  for (let row = 0; row < q.data.length; row += c) {
    const norms = Array.from({ length: c }, (_, i) => Math.sqrt(at(q.data, row + i)));
    yield { row, norms, floor: norms.reduce((sum, norm) => sum + norm, 0) / c + eps };
  }
}

/** softmax of each row, with the logarithm of what it divides by. */
function softmaxRow(logits: Values, row: number): { readonly log: (k: number) => number } {
  const classes = dim(logits, -1);
  let most = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < classes; k++) most = Math.max(most, at(logits.data, row * classes + k));
  let sum = 0;
  for (let k = 0; k < classes; k++) sum += Math.exp(at(logits.data, row * classes + k) - most);
  return { log: k => at(logits.data, row * classes + k) - most - Math.log(sum) };
}

/** The formulas of graphs that learn. */
export const trainingFormulas = {
  times: ({ attrs }, [x]) => map(x as Values, v => v * attrs.by),

  scaleSamples({ attrs }, operands) {
    const [x, s] = pick(operands, 2) as [Values, Values];
    const each = x.data.length / dim(x, 0);
    return map(x, (v, i) => v * at(s.data, Math.floor(i / each) * dim(s, 1) + attrs.index));
  },

  crossEntropy(_, operands) {
    const [logits, targets] = pick(operands, 2) as [Values, Values];
    const [n, classes] = logits.shape as [number, number];
    let loss = 0;
    for (let row = 0; row < n; row++) {
      const { log } = softmaxRow(logits, row);
      for (let k = 0; k < classes; k++) loss -= at(targets.data, row * classes + k) * log(k);
    }
    return { shape: [1], data: Float64Array.of(loss / n) };
  },

  crossEntropyGrad(_, operands) {
    const [logits, targets, d] = pick(operands, 3) as [Values, Values, Values];
    const [n, classes] = logits.shape as [number, number];
    const out = empty(logits.shape);
    for (let row = 0; row < n; row++) {
      const { log } = softmaxRow(logits, row);
      let total = 0;
      for (let k = 0; k < classes; k++) total += at(targets.data, row * classes + k);
      for (let k = 0; k < classes; k++) {
        const i = row * classes + k;
        out.data[i] = (scalar(d) / n) * (Math.exp(log(k)) * total - at(targets.data, i));
      }
    }
    return out;
  },

  linearWeightGrad(_, operands) {
    const [d, x] = pick(operands, 2) as [Values, Values];
    return products(d, x);
  },

  patchConvWeightGrad({ attrs: { size: s } }, operands) {
    const [d, x] = pick(operands, 2) as [Values, Values];
    const [, height, width, inputs] = x.shape as [number, number, number, number];
    const outputs = dim(d, -1);
    const out = empty([outputs, inputs, s, s]);
    eachSite(d.shape, (index, image, row, column, o) => {
      for (let dy = 0; dy < s; dy++)
        for (let dx = 0; dx < s; dx++) {
          const site = (image * height + row * s + dy) * width + column * s + dx;
          for (let i = 0; i < inputs; i++) {
            const to = ((o * inputs + i) * s + dy) * s + dx;
            out.data[to] = at(out.data, to) + at(d.data, index) * at(x.data, site * inputs + i);
          }
        }
    });
    return out;
  },

  depthwiseWeightGrad({ attrs: { kernel, dilation = 1 } }, operands) {
    const [d, x] = pick(operands, 2) as [Values, Values];
    const [, height, width, c] = x.shape as [number, number, number, number];
    const reach = (kernel - 1) / 2;
    return tapProducts(d, x, kernel, (image, row, column, dy, dx) => {
      const [y, z] = [row + (dy - reach) * dilation, column + (dx - reach) * dilation];
      return y < 0 || y >= height || z < 0 || z >= width ? -1 : ((image * height + y) * width + z) * c;
    });
  },

  siteDepthwiseWeightGrad({ attrs }, operands) {
    const [d, x, table] = pick(operands, 3) as [Values, Values, Values];
    const c = dim(x, -1);
    const neighbour = neighbourOf(table, x, attrs);
    return tapProducts(d, x, attrs.kernel, (...place) => neighbour(...place) * c);
  },

  channelSum(_, operands) {
    const [x] = pick(operands, 1) as [Values];
    const c = dim(x, -1);
    return sums(
      c,
      x.data.length,
      i => i % c,
      i => at(x.data, i),
    );
  },

  channelDot({ attrs }, operands) {
    const [x, y] = pick(operands, 2) as [Values, Values];
    const [n, c] = [dim(x, 0), dim(x, -1)];
    const each = x.data.length / n;
    const product = (i: number): number => at(x.data, i) * at(y.data, i);
    if (attrs.over === "batch") return sums(c, x.data.length, i => i % c, product);
    const { data } = sums(n * c, x.data.length, i => Math.floor(i / each) * c + (i % c), product);
    return { shape: [n, c], data };
  },

  removedSum({ attrs }, operands) {
    const [x, table] = pick(operands, 2) as [Values, Values];
    const [, height, width, c] = x.shape as [number, number, number, number];
    const { slot } = tableOf(table, attrs);
    const out = empty([c]);
    eachSite(x.shape, (i, image, row, column, channel) => {
      if (slot(image, patchAt(attrs, height, width, row, column)) < 0)
        out.data[channel] = at(out.data, channel) + at(x.data, i);
    });
    return out;
  },

  inverseDeviation({ attrs: { eps, variance } }, operands) {
    const [x] = pick(operands, 1) as [Values];
    const c = dim(x, -1);
    const out = empty([...x.shape.slice(0, -1), 1]);
    out.data.forEach((_, row) => {
      const values = x.data.subarray(row * c, (row + 1) * c);
      const mean = values.reduce((sum, v) => sum + v, 0) / c;
      const squares = values.reduce((sum, v) => sum + (v - mean) ** 2, 0);
      out.data[row] = 1 / Math.sqrt(squares / divisors[variance](c) + eps);
    });
    return out;
  },

  normalizeGrad({ attrs: { variance } }, operands) {
    const [y, rho, d] = pick(operands, 3) as [Values, Values, Values];
    const c = dim(y, -1);
    const out = empty(y.shape);
    rho.data.forEach((scale, row) => {
      let [mean, along] = [0, 0];
      for (let i = row * c; i < (row + 1) * c; i++) {
        mean += at(d.data, i) / c;
        along += (at(d.data, i) * at(y.data, i)) / divisors[variance](c);
      }
      for (let i = row * c; i < (row + 1) * c; i++)
        out.data[i] = scale * (at(d.data, i) - mean - at(y.data, i) * along);
    });
    return out;
  },

  rescaleGrad({ attrs: { eps, by } }, operands) {
    const [x, d] = pick(operands, 2) as [Values, Values];
    const c = dim(x, -1);
    const { row, of } = rowScales(x, eps, by);
    const along = Array.from({ length: x.data.length / c }, (_, r) => dot(x.data, r * c, d.data, r * c, c));
    return map(x, (v, i) => {
      const { scale, centre, count } = of(row(i));
      return scale * (at(d.data, i) - ((v - centre) * scale ** 2 * (along[row(i)] as number)) / count);
    });
  },

  geluGrad({ attrs }, operands) {
    const [x, d] = pick(operands, 2) as [Values, Values];
    return map(x, (v, i) => at(d.data, i) * geluSlopes[attrs.form](v));
  },

  /** s = 1 + γ·G/μ with μ = mean(G) + eps and G = √q: dG = γ·ds/μ − Σ γ·ds·G/(C·μ²), dq = dG/(2·G). */
  grnScaleGrad({ attrs }, operands) {
    const [q, gamma, d] = pick(operands, 3) as [Values, Values, Values];
    const c = dim(q, -1);
    const out = empty(q.shape);
    for (const { row, norms, floor } of rowsOfNorms(q, attrs.eps)) {
      const weighted = norms.map((_, i) => at(d.data, row + i) * at(gamma.data, i));
      const shared = weighted.reduce((sum, u, i) => sum + u * (norms[i] as number), 0) / (c * floor ** 2);
      norms.forEach((norm, i) => {
        out.data[row + i] = norm === 0 ? 0 : ((weighted[i] as number) / floor - shared) / (2 * norm);
      });
    }
    return out;
  },

  grnResponseGrad({ attrs }, operands) {
    const [q, d] = pick(operands, 2) as [Values, Values];
    const out = empty(q.shape);
    for (const { row, norms, floor } of rowsOfNorms(q, attrs.eps))
      norms.forEach((norm, i) => {
        out.data[row + i] = (at(d.data, row + i) * norm) / floor;
      });
    return out;
  },

  spreadSites({ attrs: { height, width } }, operands) {
    const [d] = pick(operands, 1) as [Values];
    const [n, c] = d.shape as [number, number];
    const out = empty([n, height, width, c]);
    eachSite(out.shape, (i, image, _row, _column, channel) => {
      out.data[i] = at(d.data, image * c + channel) / (height * width);
    });
    return out;
  },

  spreadPool({ attrs: { size: s } }, operands) {
    const [d] = pick(operands, 1) as [Values];
    const [n, h, w, c] = d.shape as [number, number, number, number];
    const out = empty([n, h * s, w * s, c]);
    eachSite(out.shape, (i, image, row, column, channel) => {
      const from = ((image * h + Math.floor(row / s)) * w + Math.floor(column / s)) * c + channel;
      out.data[i] = at(d.data, from) / s ** 2;
    });
    return out;
  },

  depthToSpace({ attrs: { size: s } }, operands) {
    const [x] = pick(operands, 1) as [Values];
    const [n, h, w, deep] = x.shape as [number, number, number, number];
    const c = deep / s ** 2;
    const out = empty([n, h * s, w * s, c]);
    eachSite(out.shape, (i, image, row, column, channel) => {
      const site = (image * h + Math.floor(row / s)) * w + Math.floor(column / s);
      out.data[i] = at(x.data, site * deep + ((row % s) * s + (column % s)) * c + channel);
    });
    return out;
  },

  neighbourSum({ attrs: { dilation } }, operands) {
    const [d] = pick(operands, 1) as [Values];
    const [n, height, width, deep] = d.shape as [number, number, number, number];
    const before = Math.floor(dilation / 2);
    const out = empty([n, height, width, deep / 4]);
    eachSite(d.shape, (from, image, row, column, channel) => {
      const [y, z] = [row - before + (channel & 2 ? dilation : 0), column - before + (channel & 1 ? dilation : 0)];
      if (y < 0 || y >= height || z < 0 || z >= width) return;
      const to = (((image * height + y) * width + z) * deep) / 4 + (channel >> 2);
      out.data[to] = at(out.data, to) + at(d.data, from);
    });
    return out;
  },

  padSites({ attrs: { height, width } }, operands) {
    const [x] = pick(operands, 1) as [Values];
    const [n, c] = [dim(x, 0), dim(x, -1)];
    const out = empty([n, height, width, c]);
    eachSite(x.shape, (i, image, row, column, channel) => {
      out.data[((image * height + row) * width + column) * c + channel] = at(x.data, i);
    });
    return out;
  },

  unfoldGrad({ attrs: { kernel, stride, height, width } }, operands) {
    const [d] = pick(operands, 1) as [Values];
    const [n, , , deep] = d.shape as [number, number, number, number];
    const [reach, taps] = [(kernel - 1) / 2, kernel * kernel];
    const out = empty([n, height, width, deep / taps]);
    eachSite(d.shape, (i, image, row, column, place) => {
      const y = row * stride + Math.floor((place % taps) / kernel) - reach;
      const x = column * stride + (place % kernel) - reach;
      if (y < 0 || y >= height || x < 0 || x >= width) return;
      const to = ((image * height + y) * width + x) * (deep / taps) + Math.floor(place / taps);
      out.data[to] = at(out.data, to) + at(d.data, i);
    });
    return out;
  },

  siteErrorGrad(_, operands) {
    const [x, y, d] = pick(operands, 3) as [Values, Values, Values];
    const c = dim(x, -1);
    return map(x, (v, i) => {
      const share = at(d.data, Math.floor(i / c));
      return share === 0 ? 0 : ((2 * share) / c) * (v - at(y.data, i));
    });
  },

  complement(_, operands) {
    const [mask] = pick(operands, 1) as [Values];
    return map(mask, value => 1 - value);
  },

  maskedMeanGrad(_, operands) {
    const [mask, d] = pick(operands, 2) as [Values, Values];
    const count = mask.data.reduce((sum, value) => sum + value, 0);
    return map(mask, value => (scalar(d) * value) / count);
  },

  transpose(_, operands) {
    const [w] = pick(operands, 1) as [Values];
    const [outputs, inputs, ...taps] = w.shape as [number, number, ...number[]];
    const area = size(taps);
    const out = empty([area * inputs, outputs]);
    w.data.forEach((value, index) => {
      const [o, i, tap] = [Math.floor(index / (inputs * area)), Math.floor(index / area) % inputs, index % area];
      out.data[(tap * inputs + i) * outputs + o] = value;
    });
    return out;
  },

  flipKernel(_, operands) {
    const [w] = pick(operands, 1) as [Values];
    const area = size(w.shape.slice(2));
    return map(w, (_, i) => at(w.data, i - (i % area) + area - 1 - (i % area)));
  },

  inputDot(_, operands) {
    const [x, y] = pick(operands, 2) as [Values, Values];
    const [inputs, inner] = [dim(x, 1), size(x.shape.slice(2))];
    return sums(
      inputs,
      x.data.length,
      i => Math.floor(i / inner) % inputs,
      i => at(x.data, i) * at(y.data, i),
    );
  },

  outputDot(_, operands) {
    const [x, y] = pick(operands, 2) as [Values, Values];
    const inner = size(x.shape.slice(1));
    return sums(
      dim(x, 0),
      x.data.length,
      i => Math.floor(i / inner),
      i => at(x.data, i) * at(y.data, i),
    );
  },

  outer({ attrs: { type } }, operands) {
    const [d, v] = pick(operands, 2) as [Values, Values];
    const out = empty(resolve(type.shape, 1));
    const [inner, row] = [size(out.shape.slice(2)), size(out.shape.slice(1))];
    return map(out, (_, i) => at(d.data, Math.floor(i / row)) * at(v.data, Math.floor((i % row) / inner)));
  },

  biasThroughGrad(_, operands) {
    const [w, d] = pick(operands, 2) as [Values, Values];
    const [inputs, inner, row] = [dim(w, 1), size(w.shape.slice(2)), size(w.shape.slice(1))];
    return sums(
      inputs,
      w.data.length,
      i => Math.floor(i / inner) % inputs,
      i => at(w.data, i) * at(d.data, Math.floor(i / row)),
    );
  },
} as const satisfies OpTable<Values, [Operands], TrainingOp>;
