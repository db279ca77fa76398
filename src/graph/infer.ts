import { invariant } from "../diagnostics/invariant.ts";
import { channels, type Draft, dispatch, elements, type Node, type OpTable, type ValueId } from "./graph.ts";
import { trainingInference } from "./infer-training.ts";
import type { GrnOver, PatchGrid, TensorType } from "./ops.ts";
import {
  checkDepthwise,
  checkPatches,
  f32,
  i32,
  isVector,
  patchSites,
  type Shapes,
  same,
  shapes,
  tableLength,
} from "./shapes.ts";

/** The draft with its type, worked out from its operands. A mismatch is a bug of the builder or pass that wrote it. */
export function typed(draft: Draft, nodes: ReadonlyMap<ValueId, Node>): Node {
  const operands = draft.inputs.map(id => {
    const node = nodes.get(id);
    invariant(node, `${draft.op} '${draft.id}' reads '${id}', which is not defined before it`);
    return node.type;
  });
  const node = draft as Node;
  return { ...node, type: dispatch(table, node, shapes(node, operands)) } as Node;
}

const affine = (s: Shapes): TensorType => {
  s.count(3);
  const c = channels(s.at(0));
  s.check(isVector(s.at(1), c) && isVector(s.at(2), c), `gamma and beta have ${c} elements`);
  return s.at(0);
};

/** One value a channel: of each sample, or of the batch. */
const siteReduction = (s: Shapes, over: GrnOver): TensorType => {
  s.count(1);
  const [n, , , c] = s.map(0);
  return { sample: f32(n, c), batch: f32(c) }[over];
};

const masked = (s: Shapes, grid: PatchGrid): TensorType => {
  patchSites(s, grid);
  checkPatches(s, 1, grid.rows * grid.columns, "f32");
  return s.at(0);
};

const table: OpTable<TensorType, [Shapes]> = {
  input: node => node.attrs.type,
  param: node => node.attrs.type,
  constant: node => node.attrs.type,
  toChannelsLast(_, s) {
    s.count(1);
    const [n, c, h, w] = s.map(0);
    return f32(n, h, w, c);
  },
  toChannelsFirst(_, s) {
    s.count(1);
    const [n, h, w, c] = s.map(0);
    return f32(n, c, h, w);
  },
  patchConv({ attrs: { size } }, s) {
    s.count(3);
    const [n, h, w, i] = s.map(0);
    const [o, ...rest] = s.at(1).shape;
    s.check(h >= size && w >= size, `${h}x${w} has no patch of ${size}x${size}`);
    s.check(rest.join() === [i, size, size].join(), `weight is [O,${i},${size},${size}]`);
    s.check(isVector(s.at(2), o as number), `bias has ${o} elements`);
    return f32(n, Math.floor(h / size), Math.floor(w / size), o as number);
  },
  conv({ attrs: { kernel, stride } }, s) {
    s.count(3);
    const [n, h, w, i] = s.map(0);
    const [o, ...rest] = s.at(1).shape;
    s.check(kernel % 2 === 1, "the kernel is odd");
    s.check(rest.join() === [i, kernel, kernel].join(), `weight is [O,${i},${kernel},${kernel}]`);
    s.check(isVector(s.at(2), o as number), `bias has ${o} elements`);
    return f32(n, Math.ceil(h / stride), Math.ceil(w / stride), o as number);
  },
  unfold({ attrs: { kernel, stride } }, s) {
    s.count(1);
    const [n, h, w, c] = s.map(0);
    s.check(kernel % 2 === 1, "the kernel is odd");
    return f32(n, Math.ceil(h / stride), Math.ceil(w / stride), c * kernel ** 2);
  },
  reshape({ attrs: { type } }, s) {
    s.count(1);
    s.check(elements(type) === elements(s.at(0)), `takes ${elements(type)} elements`);
    return type;
  },
  depthwise({ attrs: { kernel } }, s) {
    s.count(3);
    const [, , , c] = s.map(0);
    checkDepthwise(s, c, kernel);
    return s.at(0);
  },
  neighbours({ attrs: { dilation } }, s) {
    s.count(1);
    const [n, h, w, c] = s.map(0);
    s.check(Number.isInteger(dilation) && dilation >= 1, "sites are a whole number apart");
    return f32(n, h, w, 4 * c);
  },
  linear(_, s) {
    s.count(3);
    const [o, ...rest] = s.at(1).shape;
    s.check(elements(f32(...rest)) === channels(s.at(0)), `weight is [O,${channels(s.at(0))}]`);
    s.check(isVector(s.at(2), o as number), `bias has ${o} elements`);
    return f32(...s.at(0).shape.slice(0, -1), o as number);
  },
  layernorm: (_, s) => affine(s),
  normalize: (_, s) => same(s),
  rescale: (_, s) => same(s),
  gelu: (_, s) => same(s),
  grn(_, s) {
    s.map(0);
    return affine(s);
  },
  sumSquares: (node, s) => siteReduction(s, node.attrs.over),
  grnScale(_, s) {
    s.count(2);
    s.check(isVector(s.at(1), channels(s.at(0))), `gamma has ${channels(s.at(0))} elements`);
    return s.at(0);
  },
  scaleChannels(_, s) {
    s.count(2);
    const [x, scale] = [s.at(0), s.at(1)];
    const perSample = scale.shape.length === 2 && scale.shape[0] === x.shape[0] && scale.shape[1] === channels(x);
    s.check(perSample || isVector(scale, channels(x)), "one scale a channel");
    return x;
  },
  shiftChannels(_, s) {
    s.count(2);
    s.check(isVector(s.at(1), channels(s.at(0))), "one shift a channel");
    return s.at(0);
  },
  add(_, s) {
    s.count(2);
    s.check(s.at(0).shape.join() === s.at(1).shape.join(), "both sides have one shape");
    return s.at(0);
  },
  meanSites: (_, s) => siteReduction(s, "sample"),
  maskSites({ attrs }, s) {
    s.count(2);
    return masked(s, attrs);
  },
  fillSites({ attrs }, s) {
    s.count(3);
    s.check(elements(s.at(2)) === channels(s.at(0)), `the token has ${channels(s.at(0))} elements`);
    return masked(s, attrs);
  },
  patchTable({ attrs }, s) {
    s.count(1);
    checkPatches(s, 0, attrs.rows * attrs.columns, "f32");
    return i32("N", tableLength(attrs));
  },
  gatherSites({ attrs }, s) {
    s.count(2);
    checkPatches(s, 1, tableLength(attrs), "i32");
    if (s.at(0).shape.length === 2) {
      checkPatches(s, 0, attrs.rows * attrs.columns, "f32");
      return f32("N", attrs.keep);
    }
    const [n, , , c] = s.map(0);
    const [down, across] = patchSites(s, attrs);
    return f32(n, attrs.keep * down, across, c);
  },
  scatterSites({ attrs: { rows, columns, keep } }, s) {
    if (s.at(0).shape.length === 2) {
      s.count(2);
      checkPatches(s, 0, keep, "f32");
      checkPatches(s, 1, tableLength({ rows, columns, keep }), "i32");
      return f32("N", rows * columns);
    }
    const [n, h, across, c] = s.map(0);
    s.check(h % keep === 0, `${h} rows are not ${keep} patches`);
    checkPatches(s, 1, tableLength({ rows, columns, keep }), "i32");
    const filled = s.fits(3);
    s.check(!filled || elements(s.at(2)) === c, `the token has ${c} elements`);
    if (!filled) s.count(2);
    return f32(n, (rows * h) / keep, columns * across, c);
  },
  siteDepthwise({ attrs }, s) {
    s.count(4);
    const [, h, , c] = s.map(0);
    s.check(h % attrs.keep === 0, `${h} rows are not ${attrs.keep} patches`);
    checkPatches(s, 3, tableLength(attrs), "i32");
    checkDepthwise(s, c, attrs.kernel);
    return s.at(0);
  },
  averagePool({ attrs: { size } }, s) {
    s.count(1);
    const [n, h, w, c] = s.map(0);
    s.check(h % size === 0 && w % size === 0, `${h}x${w} is not a multiple of ${size}`);
    return f32(n, h / size, w / size, c);
  },
  patchify({ attrs: { size } }, s) {
    s.count(1);
    const [n, c, h, w] = s.map(0);
    s.check(h % size === 0 && w % size === 0, `${h}x${w} is not a multiple of ${size}`);
    return f32(n, h / size, w / size, size * size * c);
  },
  standardize: (_, s) => same(s),
  siteError(_, s) {
    s.count(2);
    const [n, h, w] = s.map(0);
    s.check(s.at(0).shape.join() === s.at(1).shape.join(), "both sides have one shape");
    return f32(n, h * w);
  },
  maskedMean(_, s) {
    s.count(2);
    s.check(s.at(0).shape.join() === s.at(1).shape.join(), "one error and one mask value a patch");
    return f32(1);
  },
  scaleInputs(_, s) {
    s.count(2);
    s.check(isVector(s.at(1), s.at(0).shape[1] as number), "one scale an input channel");
    return s.at(0);
  },
  scaleOutputs(_, s) {
    s.count(2);
    s.check(isVector(s.at(1), s.at(0).shape[0] as number), "one scale an output channel");
    return s.at(0);
  },
  biasThrough(_, s) {
    s.count(3);
    const [o, i] = s.at(1).shape;
    s.check(isVector(s.at(0), o as number) && isVector(s.at(2), i as number), "bias [O] and vector [I] fit the weight");
    return s.at(0);
  },

  ...trainingInference,
};
