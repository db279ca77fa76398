import { invariant } from "../diagnostics/invariant.ts";
import { siteOps } from "./evaluate-sites.ts";
import { trainingFormulas } from "./evaluate-training.ts";
import { unfoldOps } from "./evaluate-unfold.ts";
import { gelus } from "./gelu.ts";
import { dispatch, type Graph, type Node, type OpTable, resolve, type ValueId } from "./graph.ts";
import type { GrnOver } from "./ops.ts";
import {
  at,
  centreRows,
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

export type { Values } from "./values.ts";

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

/** Σx² of each channel. */
const squares: { readonly [K in GrnOver]: (x: Values) => Values } = {
  sample: squaresPerSample,
  batch(x) {
    const c = dim(x, -1);
    const out = empty([c]);
    squaresPerSample(x).data.forEach((value, i) => {
      out.data[i % c] = at(out.data, i % c) + value;
    });
    return out;
  },
};

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

const table: OpTable<Values, [Operands]> = {
  input: () => invariant(false, "an input has no formula") as never,
  param: () => invariant(false, "a parameter has no formula") as never,

  toChannelsLast: (_, [x]) => permute(x as Values, [0, 2, 3, 1]),
  toChannelsFirst: (_, [x]) => permute(x as Values, [0, 3, 1, 2]),

  patchConv({ attrs }, operands) {
    const [x, w, b] = pick(operands, 3) as [Values, Values, Values];
    const [n, height, width, inputs] = x.shape as [number, number, number, number];
    const [outputs, s] = [dim(w, 0), attrs.size];
    const out = empty([n, Math.floor(height / s), Math.floor(width / s), outputs]);
    let to = 0;
    for (let image = 0; image < n; image++)
      for (let row = 0; row + s <= height; row += s)
        for (let column = 0; column + s <= width; column += s)
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

  constant: ({ attrs: { value, type } }) => {
    const shape = resolve(type.shape, 1);
    invariant(shape.join() === type.shape.join(), "a constant has no batch");
    return { shape, data: new Float64Array(size(shape)).fill(value) };
  },

  reshape: ({ attrs: { type } }, [x]) => ({
    shape: resolve(type.shape, dim(x as Values, 0)),
    data: (x as Values).data,
  }),

  ...unfoldOps,

  depthwise({ attrs: { kernel, dilation = 1 } }, operands) {
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
              const y = row + (dy - reach) * dilation;
              if (y < 0 || y >= height) continue;
              for (let dx = 0; dx < kernel; dx++) {
                const z = column + (dx - reach) * dilation;
                if (z < 0 || z >= width) continue;
                sum +=
                  at(x.data, ((image * height + y) * width + z) * c + i) * at(w.data, (i * kernel + dy) * kernel + dx);
              }
            }
            out.data[to++] = sum;
          }
    return out;
  },

  neighbours({ attrs: { dilation } }, operands) {
    const [x] = pick(operands, 1) as [Values];
    const [n, height, width, c] = x.shape as [number, number, number, number];
    const before = Math.floor(dilation / 2);
    const out = empty([n, height, width, 4 * c]);
    eachSite(out.shape, (to, image, row, column, channel) => {
      const [y, z] = [row - before + (channel & 2 ? dilation : 0), column - before + (channel & 1 ? dilation : 0)];
      if (y < 0 || y >= height || z < 0 || z >= width) return;
      out.data[to] = at(x.data, ((image * height + y) * width + z) * c + (channel >> 2));
    });
    return out;
  },

  linear(_, operands) {
    const [x, w, b] = pick(operands, 3) as [Values, Values, Values];
    const [outputs, inputs] = [dim(w, 0), dim(x, -1)];
    const out = empty([...x.shape.slice(0, -1), outputs]);
    for (let row = 0; row < x.data.length / inputs; row++)
      for (let o = 0; o < outputs; o++)
        out.data[row * outputs + o] = at(b.data, o) + dot(x.data, row * inputs, w.data, o * inputs, inputs);
    return out;
  },

  layernorm({ attrs }, operands) {
    const [x, gamma, beta] = pick(operands, 3) as [Values, Values, Values];
    const c = dim(x, -1);
    return map(normalizeRows(x, attrs.eps), (v, i) => v * at(gamma.data, i % c) + at(beta.data, i % c));
  },

  normalize: ({ attrs }, [x]) => normalizeRows(x as Values, attrs.eps),
  rescale: ({ attrs: { eps, by } }, [x]) => {
    const { row, of } = rowScales(x as Values, eps, by);
    return map(x as Values, (v, i) => v * of(row(i)).scale);
  },
  gelu: ({ attrs }, [x]) => map(x as Values, gelus[attrs.form]),

  grn({ attrs }, operands) {
    const [x, gamma, beta] = pick(operands, 3) as [Values, Values, Values];
    const c = dim(x, -1);
    const scale = responseScale(squares[attrs.over](x), gamma, attrs.eps);
    return map(x, (v, i) => v * at(scale.data, channelIndex(x, scale, i)) + at(beta.data, i % c));
  },

  sumSquares: ({ attrs }, [x]) => squares[attrs.over](x as Values),
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

  ...siteOps,

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

  ...trainingFormulas,
};

/** Widens float32 tensors for the interpreter. */
export const widen = (shape: readonly number[], data: Float32Array): Values => ({
  shape,
  data: Float64Array.from(data),
});
