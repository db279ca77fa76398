import { channels, elements, type OpTable } from "./graph.ts";
import type { Dim, TensorType, TrainingOp } from "./ops.ts";
import { checkPatches, f32, isVector, patchSites, type Shapes, tableLength } from "./shapes.ts";

const sameShape = (s: Shapes, a: number, b: number): void =>
  s.check(s.at(a).shape.join() === s.at(b).shape.join(), `operands ${a} and ${b} have one shape`);

/** Operands of one shape each, whose type is the result's. */
const alike = (s: Shapes, count: number): TensorType => {
  s.count(count);
  for (let i = 1; i < count; i++) sameShape(s, 0, i);
  return s.at(0);
};

/** `d` and `x` with the same rows. */
const sameRows = (s: Shapes): void =>
  s.check(s.at(0).shape.slice(0, -1).join() === s.at(1).shape.slice(0, -1).join(), "both have the same rows");

const scalar = (s: Shapes, index: number): void => s.check(s.at(index).shape.join() === "1", `operand ${index} is [1]`);

const kernelOf = (s: Shapes, kernel: number): TensorType => {
  const [, , , c] = s.map(0);
  sameShape(s, 0, 1);
  s.check(kernel % 2 === 1, "the kernel is odd");
  return f32(c, 1, kernel, kernel);
};

const times = ([n, h, w, c]: readonly [Dim, number, number, number], by: number, channels = c): TensorType =>
  f32(n, h * by, w * by, channels);

export const trainingInference = {
  unfoldGrad({ attrs: { kernel, stride, height, width } }, s) {
    s.count(1);
    const [n, h, w, deep] = s.map(0);
    const fits = h === Math.ceil(height / stride) && w === Math.ceil(width / stride) && deep % kernel ** 2 === 0;
    s.check(fits, `no map of ${height}x${width} unfolds to that`);
    return f32(n, height, width, deep / kernel ** 2);
  },
  times: (_, s) => alike(s, 1),

  scaleSamples({ attrs: { index } }, s) {
    s.count(2);
    const [n, factors] = s.at(1).shape;
    s.check(n === "N" && s.at(1).shape.length === 2 && index < (factors as number), `operand 1 has a factor ${index}`);
    s.check(s.at(0).shape[0] === "N", "operand 0 has samples");
    return s.at(0);
  },
  crossEntropy(_, s) {
    alike(s, 2);
    return f32(1);
  },
  crossEntropyGrad(_, s) {
    s.count(3);
    sameShape(s, 0, 1);
    scalar(s, 2);
    return s.at(0);
  },

  linearWeightGrad(_, s) {
    s.count(2);
    sameRows(s);
    return f32(channels(s.at(0)), channels(s.at(1)));
  },
  patchConvWeightGrad({ attrs: { size } }, s) {
    s.count(2);
    const [n, h, w, o] = s.map(0);
    const [m, height, width, i] = s.map(1);
    const patches = [m, Math.floor(height / size), Math.floor(width / size)];
    s.check(patches.join() === [n, h, w].join(), `operand 1 has ${h}x${w} patches of ${size}x${size}`);
    return f32(o, i, size, size);
  },
  depthwiseWeightGrad({ attrs: { kernel } }, s) {
    s.count(2);
    return kernelOf(s, kernel);
  },
  siteDepthwiseWeightGrad({ attrs }, s) {
    s.count(3);
    checkPatches(s, 2, tableLength(attrs), "i32");
    const [, h] = s.map(0);
    s.check(h % attrs.keep === 0, `${h} rows are not ${attrs.keep} patches`);
    return kernelOf(s, attrs.kernel);
  },
  channelSum(_, s) {
    s.count(1);
    return f32(channels(s.at(0)));
  },
  channelDot({ attrs: { over } }, s) {
    alike(s, 2);
    const c = channels(s.at(0));
    return { sample: f32("N", c), batch: f32(c) }[over];
  },
  removedSum({ attrs }, s) {
    s.count(2);
    patchSites(s, attrs);
    checkPatches(s, 1, tableLength(attrs), "i32");
    return f32(channels(s.at(0)));
  },

  inverseDeviation(_, s) {
    s.count(1);
    return f32(...s.at(0).shape.slice(0, -1), 1);
  },
  normalizeGrad(_, s) {
    s.count(3);
    sameShape(s, 0, 2);
    s.check(s.at(1).shape.join() === [...s.at(0).shape.slice(0, -1), 1].join(), "one ρ a row");
    return s.at(0);
  },
  rescaleGrad: (_, s) => alike(s, 2),
  geluGrad: (_, s) => alike(s, 2),
  grnScaleGrad(_, s) {
    s.count(3);
    sameShape(s, 0, 2);
    s.check(isVector(s.at(1), channels(s.at(0))), `gamma has ${channels(s.at(0))} elements`);
    return s.at(0);
  },
  grnResponseGrad: (_, s) => alike(s, 2),
  spreadSites({ attrs: { height, width } }, s) {
    s.count(1);
    const [n, c] = s.at(0).shape;
    s.check(s.at(0).shape.length === 2, "operand 0 is [N,C]");
    return f32(n as Dim, height, width, c as number);
  },
  spreadPool({ attrs: { size } }, s) {
    s.count(1);
    return times(s.map(0), size);
  },
  depthToSpace({ attrs: { size } }, s) {
    s.count(1);
    const map = s.map(0);
    s.check(map[3] % size ** 2 === 0, `${map[3]} channels are not those of ${size}x${size} sites`);
    return times(map, size, map[3] / size ** 2);
  },
  neighbourSum(_, s) {
    s.count(1);
    const [n, h, w, c] = s.map(0);
    s.check(c % 4 === 0, `${c} channels are not those of 2x2 sites`);
    return f32(n, h, w, c / 4);
  },
  padSites({ attrs: { height, width } }, s) {
    s.count(1);
    const [n, h, w, c] = s.map(0);
    s.check(h <= height && w <= width, `${h}x${w} fits in ${height}x${width}`);
    return f32(n, height, width, c);
  },
  siteErrorGrad(_, s) {
    s.count(3);
    sameShape(s, 0, 1);
    const [n, h, w] = s.map(0);
    s.check(s.at(2).shape.join() === [n, h * w].join(), "one gradient a site");
    return s.at(0);
  },
  complement(_, s) {
    s.count(1);
    s.check(s.at(0).shape.length === 2, "operand 0 is [N,L]");
    return s.at(0);
  },
  maskedMeanGrad(_, s) {
    s.count(2);
    scalar(s, 1);
    return s.at(0);
  },

  transpose(_, s) {
    s.count(1);
    const [o, ...rest] = s.at(0).shape as readonly number[];
    s.check(rest.length > 0 && typeof o === "number", "a weight has outputs and inputs");
    return f32(elements(f32(...rest)), o as number);
  },
  flipKernel: (_, s) => alike(s, 1),
  inputDot: (_, s) => f32(alike(s, 2).shape[1] as number),
  outputDot: (_, s) => f32(alike(s, 2).shape[0] as number),
  outer({ attrs: { type } }, s) {
    s.count(2);
    const [o, i] = type.shape as readonly number[];
    s.check(isVector(s.at(0), o as number) && isVector(s.at(1), i as number), `takes ${o} and ${i} elements`);
    return type;
  },
  biasThroughGrad(_, s) {
    s.count(2);
    const [o, i] = s.at(0).shape;
    s.check(isVector(s.at(1), o as number), `d has ${o} elements`);
    return f32(i as number);
  },
} as const satisfies OpTable<TensorType, [Shapes], TrainingOp>;
