import { invariant } from "../diagnostics/invariant.ts";
import { dispatch, type Graph, type Node, type OpTable, type ValueId } from "./graph.ts";
import type { PatchGrid } from "./ops.ts";

/** Row-major values of one tensor. */
export interface Values {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/**
 * The reference: every op from its formula, in float64, one plain loop after another. Shares nothing with passes,
 * plan or emitters. `values` holds inputs and parameters by id; the batch is read off the inputs.
 * Returns the outputs by name.
 */
export function evaluate(graph: Graph, values: ReadonlyMap<ValueId, Values>): ReadonlyMap<string, Values> {
  const known = new Map<ValueId, Values>();
  const lastUse = new Map<ValueId, ValueId>();
  for (const node of graph.nodes.values()) for (const id of node.inputs) lastUse.set(id, node.id);
  const outputs = new Set(graph.outputs.map(output => output.value));

  for (const node of graph.nodes.values()) {
    if (node.op === "input" || node.op === "param") {
      const given = values.get(node.id);
      invariant(given, `no values for '${node.id}'`);
      known.set(node.id, given);
    } else {
      const operands = node.inputs.map(id => known.get(id) as Values);
      known.set(node.id, dispatch(table, node, operands));
      for (const id of node.inputs) if (lastUse.get(id) === node.id && !outputs.has(id)) known.delete(id);
    }
  }
  return new Map(graph.outputs.map(({ name, value }) => [name, known.get(value) as Values]));
}

/** One node applied to its operands. */
export const apply = (node: Node, operands: readonly Values[]): Values => dispatch(table, node, operands);

type Operands = readonly Values[];

function pick(operands: Operands, count: number): readonly Values[] {
  invariant(operands.length === count, `takes ${count} operands`);
  return operands;
}

const at = (data: Float64Array, index: number): number => data[index] as number;
const dim = (values: Values, index: number): number => values.shape.at(index) as number;
const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const empty = (shape: readonly number[]): Values => ({ shape, data: new Float64Array(size(shape)) });
const map = (x: Values, f: (value: number, index: number) => number): Values => ({
  shape: x.shape,
  data: x.data.map(f),
});

/** Rows of the last dimension, each replaced by row − mean, times what is made of the sum of its squared deviations. */
function centreRows(x: Values, scaleOf: (squares: number) => number): Values {
  const c = dim(x, -1);
  const out = empty(x.shape);
  for (let row = 0; row < x.data.length; row += c) {
    let mean = 0;
    for (let i = 0; i < c; i++) mean += at(x.data, row + i);
    mean /= c;
    let squares = 0;
    for (let i = 0; i < c; i++) squares += (at(x.data, row + i) - mean) ** 2;
    const scale = scaleOf(squares);
    for (let i = 0; i < c; i++) out.data[row + i] = (at(x.data, row + i) - mean) * scale;
  }
  return out;
}

/** Rows of the last dimension, each replaced by (row − mean)/√(var + eps), biased variance. */
const normalizeRows = (x: Values, eps: number): Values =>
  centreRows(x, squares => 1 / Math.sqrt(squares / dim(x, -1) + eps));

/** Σx² over height and width, a row a sample. */
function squaresPerSample(x: Values): Values {
  const [n, h, w, c] = x.shape as [number, number, number, number];
  const out = empty([n, c]);
  for (let i = 0; i < x.data.length; i++) {
    const slot = Math.floor(i / (h * w * c)) * c + (i % c);
    out.data[slot] = at(out.data, slot) + at(x.data, i) ** 2;
  }
  return out;
}

function squares(x: Values, over: "sample" | "batch"): Values {
  const perSample = squaresPerSample(x);
  if (over === "sample") return perSample;
  const c = dim(x, -1);
  const out = empty([c]);
  perSample.data.forEach((value, i) => {
    out.data[i % c] = at(out.data, i % c) + value;
  });
  return out;
}

/** 1 + γ·G/(mean_c G + eps), from Σx². */
function responseScale(q: Values, gamma: Values, eps: number): Values {
  const c = dim(q, -1);
  const norms = map(q, Math.sqrt);
  return map(norms, (norm, i) => {
    const row = i - (i % c);
    let mean = 0;
    for (let j = 0; j < c; j++) mean += at(norms.data, row + j);
    return 1 + (at(gamma.data, i % c) * norm) / (mean / c + eps);
  });
}

/** Index of the per-channel value that belongs to element i of x: [C], or [N,C] for one row a sample. */
const channelIndex = (x: Values, scale: Values, i: number): number => {
  const c = dim(x, -1);
  if (scale.data.length === c) return i % c;
  return Math.floor(i / (x.data.length / dim(x, 0))) * c + (i % c);
};

function permute(x: Values, order: readonly number[]): Values {
  const shape = order.map(axis => dim(x, axis));
  const stride = x.shape.map((_, axis) => size(x.shape.slice(axis + 1)));
  const out = empty(shape);
  for (let i = 0; i < out.data.length; i++) {
    let rest = i;
    let from = 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const length = shape[axis] as number;
      from += (rest % length) * (stride[order[axis] as number] as number);
      rest = Math.floor(rest / length);
    }
    out.data[i] = at(x.data, from);
  }
  return out;
}

/** erf to double precision: its Taylor series inside, the continued fraction of erfc outside. */
export function erf(x: number): number {
  const t = Math.abs(x);
  if (t > 6) return Math.sign(x);
  if (t < 2.5) {
    let term = t;
    let sum = t;
    for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
      term *= -(t * t) / n;
      sum += term / (2 * n + 1);
    }
    return Math.sign(x) * (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let n = 60; n >= 1; n--) fraction = n / 2 / (t + fraction);
  return Math.sign(x) * (1 - Math.exp(-t * t) / Math.sqrt(Math.PI) / (t + fraction));
}

const gelus = {
  erf: (x: number) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  tanh: (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
};

/** The patch that the site at (row, column) of an h x w map lies in. */
const patchAt = ({ rows, columns }: PatchGrid, h: number, w: number, row: number, column: number): number =>
  Math.floor((row * rows) / h) * columns + Math.floor((column * columns) / w);

/** Every element of a map with its image, row, column and channel. */
function eachSite(
  shape: readonly number[],
  visit: (index: number, image: number, row: number, column: number, c: number) => void,
): void {
  const [n, h, w, channels] = shape as [number, number, number, number];
  let index = 0;
  for (let image = 0; image < n; image++)
    for (let row = 0; row < h; row++)
      for (let column = 0; column < w; column++)
        for (let c = 0; c < channels; c++) visit(index++, image, row, column, c);
}

/** x where the mask keeps a patch, else what `removed` says of the channel. */
function hide(x: Values, mask: Values, grid: PatchGrid, removed: (channel: number) => number): Values {
  const out = empty(x.shape);
  eachSite(x.shape, (i, image, row, column, c) => {
    const patch = patchAt(grid, dim(x, 1), dim(x, 2), row, column);
    const kept = at(mask.data, image * grid.rows * grid.columns + patch) === 0;
    out.data[i] = kept ? at(x.data, i) : removed(c);
  });
  return out;
}

/** Slots of patches and patches of slots, as `patchTable` has them. */
const tableOf = (table: Values, { rows, columns, keep }: PatchGrid) => ({
  slot: (image: number, patch: number) => at(table.data, image * (rows * columns + keep) + patch),
  patch: (image: number, slot: number) => at(table.data, image * (rows * columns + keep) + rows * columns + slot),
});

const table: OpTable<Values, [Operands]> = {
  input: () => invariant(false, "an input has no formula") as never,
  param: () => invariant(false, "a parameter has no formula") as never,

  toChannelsLast: (_, [x]) => permute(x as Values, [0, 2, 3, 1]),
  toChannelsFirst: (_, [x]) => permute(x as Values, [0, 3, 1, 2]),

  patchConv({ attrs }, operands) {
    const [x, w, b] = pick(operands, 3) as [Values, Values, Values];
    const [n, height, width, inputs] = x.shape as [number, number, number, number];
    const [outputs, s] = [dim(w, 0), attrs.size];
    const out = empty([n, height / s, width / s, outputs]);
    let to = 0;
    for (let image = 0; image < n; image++)
      for (let row = 0; row < height; row += s)
        for (let column = 0; column < width; column += s)
          for (let o = 0; o < outputs; o++) {
            let sum = at(b.data, o);
            for (let i = 0; i < inputs; i++)
              for (let dy = 0; dy < s; dy++)
                for (let dx = 0; dx < s; dx++)
                  sum +=
                    at(x.data, ((image * height + row + dy) * width + column + dx) * inputs + i) *
                    at(w.data, ((o * inputs + i) * s + dy) * s + dx);
            out.data[to++] = sum;
          }
    return out;
  },

  depthwise({ attrs: { kernel } }, operands) {
    const [x, w, b] = pick(operands, 3) as [Values, Values, Values];
    const [n, height, width, c] = x.shape as [number, number, number, number];
    const reach = (kernel - 1) / 2;
    const out = empty(x.shape);
    let to = 0;
    for (let image = 0; image < n; image++)
      for (let row = 0; row < height; row++)
        for (let column = 0; column < width; column++)
          for (let i = 0; i < c; i++) {
            let sum = at(b.data, i);
            for (let dy = 0; dy < kernel; dy++) {
              const y = row + dy - reach;
              if (y < 0 || y >= height) continue;
              for (let dx = 0; dx < kernel; dx++) {
                const z = column + dx - reach;
                if (z < 0 || z >= width) continue;
                sum +=
                  at(x.data, ((image * height + y) * width + z) * c + i) * at(w.data, (i * kernel + dy) * kernel + dx);
              }
            }
            out.data[to++] = sum;
          }
    return out;
  },

  linear(_, operands) {
    const [x, w, b] = pick(operands, 3) as [Values, Values, Values];
    const [outputs, inputs] = w.shape as [number, number];
    const out = empty([...x.shape.slice(0, -1), outputs]);
    for (let row = 0; row < x.data.length / inputs; row++)
      for (let o = 0; o < outputs; o++) {
        let sum = at(b.data, o);
        for (let i = 0; i < inputs; i++) sum += at(x.data, row * inputs + i) * at(w.data, o * inputs + i);
        out.data[row * outputs + o] = sum;
      }
    return out;
  },

  layernorm({ attrs }, operands) {
    const [x, gamma, beta] = pick(operands, 3) as [Values, Values, Values];
    const c = dim(x, -1);
    return map(normalizeRows(x, attrs.eps), (v, i) => v * at(gamma.data, i % c) + at(beta.data, i % c));
  },

  normalize: ({ attrs }, [x]) => normalizeRows(x as Values, attrs.eps),
  gelu: ({ attrs }, [x]) => map(x as Values, gelus[attrs.form]),

  grn({ attrs }, operands) {
    const [x, gamma, beta] = pick(operands, 3) as [Values, Values, Values];
    const c = dim(x, -1);
    const scale = responseScale(squares(x, attrs.over), gamma, attrs.eps);
    return map(x, (v, i) => v * at(scale.data, channelIndex(x, scale, i)) + at(beta.data, i % c));
  },

  sumSquares: ({ attrs }, [x]) => squares(x as Values, attrs.over),
  grnScale: ({ attrs }, [q, gamma]) => responseScale(q as Values, gamma as Values, attrs.eps),

  scaleChannels(_, operands) {
    const [x, scale] = pick(operands, 2) as [Values, Values];
    return map(x, (v, i) => v * at(scale.data, channelIndex(x, scale, i)));
  },

  shiftChannels(_, operands) {
    const [x, shift] = pick(operands, 2) as [Values, Values];
    return map(x, (v, i) => v + at(shift.data, i % dim(x, -1)));
  },

  add(_, operands) {
    const [x, y] = pick(operands, 2) as [Values, Values];
    return map(x, (v, i) => v + at(y.data, i));
  },

  meanSites(_, operands) {
    const [x] = pick(operands, 1) as [Values];
    const [n, height, width, c] = x.shape as [number, number, number, number];
    const out = empty([n, c]);
    for (let i = 0; i < x.data.length; i++) {
      const slot = Math.floor(i / (height * width * c)) * c + (i % c);
      out.data[slot] = at(out.data, slot) + at(x.data, i) / (height * width);
    }
    return out;
  },

  maskSites({ attrs }, operands) {
    const [x, mask] = pick(operands, 2) as [Values, Values];
    return hide(x, mask, attrs, () => 0);
  },

  fillSites({ attrs }, operands) {
    const [x, mask, token] = pick(operands, 3) as [Values, Values, Values];
    return hide(x, mask, attrs, c => at(token.data, c));
  },

  patchTable({ attrs: { rows, columns, keep } }, operands) {
    const [mask] = pick(operands, 1) as [Values];
    const [n, patches] = mask.shape as [number, number];
    const out = empty([n, rows * columns + keep]);
    for (let image = 0; image < n; image++) {
      let slot = 0;
      for (let patch = 0; patch < patches; patch++) {
        const kept = at(mask.data, image * patches + patch) === 0;
        const row = image * (patches + keep);
        out.data[row + patch] = kept ? slot : -1;
        if (kept) out.data[row + patches + slot++] = patch;
      }
      invariant(slot === keep, `image ${image} keeps ${slot} patches, not ${keep}`);
    }
    return out;
  },

  gatherSites({ attrs }, operands) {
    const [x, table] = pick(operands, 2) as [Values, Values];
    const [n, h, w, channels] = x.shape as [number, number, number, number];
    const [down, across] = [h / attrs.rows, w / attrs.columns];
    const { patch } = tableOf(table, attrs);
    const out = empty([n, attrs.keep * down, across, channels]);
    eachSite(out.shape, (i, image, row, column, c) => {
      const from = patch(image, Math.floor(row / down));
      const y = Math.floor(from / attrs.columns) * down + (row % down);
      const z = (from % attrs.columns) * across + column;
      out.data[i] = at(x.data, ((image * h + y) * w + z) * channels + c);
    });
    return out;
  },

  scatterSites({ attrs }, [x, table, token]) {
    const [from, slots] = [x as Values, tableOf(table as Values, attrs)];
    const [n, tall, across, channels] = from.shape as [number, number, number, number];
    const down = tall / attrs.keep;
    const out = empty([n, attrs.rows * down, attrs.columns * across, channels]);
    eachSite(out.shape, (i, image, row, column, c) => {
      const slot = slots.slot(image, patchAt(attrs, dim(out, 1), dim(out, 2), row, column));
      const y = slot * down + (row % down);
      const index = ((image * tall + y) * across + (column % across)) * channels + c;
      out.data[i] = slot >= 0 ? at(from.data, index) : token === undefined ? 0 : at(token.data, c);
    });
    return out;
  },

  siteDepthwise({ attrs }, operands) {
    const [x, w, b, table] = pick(operands, 4) as [Values, Values, Values, Values];
    const { rows, columns, keep, kernel } = attrs;
    const [, tall, across, channels] = x.shape as [number, number, number, number];
    const down = tall / keep;
    const { slot, patch } = tableOf(table, attrs);
    const reach = (kernel - 1) / 2;
    const out = empty(x.shape);
    eachSite(x.shape, (i, image, row, column, c) => {
      const here = patch(image, Math.floor(row / down));
      const top = Math.floor(here / columns) * down + (row % down) - reach;
      const left = (here % columns) * across + column - reach;
      let sum = at(b.data, c);
      for (let dy = 0; dy < kernel; dy++)
        for (let dx = 0; dx < kernel; dx++) {
          const [y, z] = [top + dy, left + dx];
          if (y < 0 || y >= rows * down || z < 0 || z >= columns * across) continue;
          const from = slot(image, patchAt(attrs, rows * down, columns * across, y, z));
          if (from < 0) continue;
          const index = ((image * tall + from * down + (y % down)) * across + (z % across)) * channels + c;
          sum += at(x.data, index) * at(w.data, (c * kernel + dy) * kernel + dx);
        }
      out.data[i] = sum;
    });
    return out;
  },

  averagePool({ attrs: { size } }, operands) {
    const [x] = pick(operands, 1) as [Values];
    const [n, h, w, channels] = x.shape as [number, number, number, number];
    const out = empty([n, h / size, w / size, channels]);
    eachSite(x.shape, (i, image, row, column, c) => {
      const [y, z] = [Math.floor(row / size), Math.floor(column / size)];
      const to = ((image * dim(out, 1) + y) * dim(out, 2) + z) * channels + c;
      out.data[to] = at(out.data, to) + at(x.data, i) / size ** 2;
    });
    return out;
  },

  patchify({ attrs: { size } }, operands) {
    const [x] = pick(operands, 1) as [Values];
    const [n, channels, h, w] = x.shape as [number, number, number, number];
    const out = empty([n, h / size, w / size, size * size * channels]);
    eachSite(out.shape, (i, image, row, column, pixel) => {
      const place = Math.floor(pixel / channels);
      const y = row * size + Math.floor(place / size);
      const z = column * size + (place % size);
      out.data[i] = at(x.data, ((image * channels + (pixel % channels)) * h + y) * w + z);
    });
    return out;
  },

  standardize: ({ attrs }, [x]) => {
    const c = dim(x as Values, -1);
    return centreRows(x as Values, squares => 1 / Math.sqrt(squares / (c - 1) + attrs.eps));
  },

  siteError(_, operands) {
    const [x, y] = pick(operands, 2) as [Values, Values];
    const c = dim(x, -1);
    const out = empty([dim(x, 0), dim(x, 1) * dim(x, 2)]);
    x.data.forEach((value, i) => {
      const to = Math.floor(i / c);
      out.data[to] = at(out.data, to) + (value - at(y.data, i)) ** 2 / c;
    });
    return out;
  },

  maskedMean(_, operands) {
    const [errors, mask] = pick(operands, 2) as [Values, Values];
    const total = errors.data.reduce((sum, value, i) => sum + value * at(mask.data, i), 0);
    const count = mask.data.reduce((sum, value) => sum + value, 0);
    return { shape: [1], data: Float64Array.of(total / count) };
  },

  scaleInputs(_, operands) {
    const [w, s] = pick(operands, 2) as [Values, Values];
    const inner = size(w.shape.slice(2));
    return map(w, (v, i) => v * at(s.data, Math.floor(i / inner) % dim(w, 1)));
  },

  scaleOutputs(_, operands) {
    const [w, s] = pick(operands, 2) as [Values, Values];
    const inner = size(w.shape.slice(1));
    return map(w, (v, i) => v * at(s.data, Math.floor(i / inner)));
  },

  biasThrough(_, operands) {
    const [b, w, v] = pick(operands, 3) as [Values, Values, Values];
    const [inner, row] = [size(w.shape.slice(2)), size(w.shape.slice(1))];
    const out: Values = { shape: b.shape, data: Float64Array.from(b.data) };
    w.data.forEach((value, i) => {
      const o = Math.floor(i / row);
      out.data[o] = at(out.data, o) + value * at(v.data, Math.floor((i % row) / inner));
    });
    return out;
  },
};

/** Widens float32 tensors for the interpreter. */
export const widen = (shape: readonly number[], data: Float32Array): Values => ({
  shape,
  data: Float64Array.from(data),
});
