import type { OperatorName } from "./operators.ts";

/** A length, the name of a symbolic one, or null where it cannot be known before a run. */
export type Length = number | string | null;
export type Shape = readonly Length[];

/** A tensor as far as the rules need it: a list of integers is known where it is an initializer, or is joined of such. */
export interface Tensor {
  readonly shape: Shape;
  readonly values: readonly (number | null)[] | null;
}

/** Numbers and lists of numbers of a node's attributes; one that is not given has what ONNX says. */
export interface Attributes {
  readonly int: (name: string, otherwise: number) => number;
  readonly ints: (name: string) => readonly number[] | null;
}

/** Why the inputs do not go together; the caller knows the node. */
export class ShapeError extends Error {}

const refuse = (why: string): never => {
  throw new ShapeError(why);
};
const say = (shape: Shape): string => `[${shape.map(length => length ?? "?").join(", ")}]`;
const need = (holds: boolean, why: () => string): void => {
  if (!holds) refuse(why());
};

/** Whether two lengths can be one: what is symbolic or unknown can be anything. */
export const fits = (a: Length | undefined, b: Length | undefined): boolean =>
  a !== undefined && b !== undefined && (typeof a !== "number" || typeof b !== "number" || a === b);
export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((length, i) => fits(length, b[i]));

type Rule = (inputs: readonly Tensor[], attributes: Attributes) => Shape;

const first = ([x]: readonly Tensor[]): Tensor => x ?? refuse("it has no input");
const input = (inputs: readonly Tensor[], i: number): Tensor => inputs[i] ?? refuse(`it has no input ${i}`);
/** A dimension that may be counted from the end. */
function axisOf(axis: number, rank: number): number {
  need(axis >= -rank && axis < rank, () => `there is no axis ${axis} in ${rank} dimensions`);
  return axis < 0 ? axis + rank : axis;
}

const alike: Rule = inputs => first(inputs).shape;

/** Shapes are laid over each other from the last dimension on; a length of 1 stretches. */
function broadcast(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const [x = 1, y = 1] = [at(a, i - rank + a.length), at(b, i - rank + b.length)];
    if (x === 1) return y;
    if (y === 1) return x;
    need(fits(x, y), () => `${say(a)} and ${say(b)} cannot be laid over each other`);
    return typeof x === "number" ? x : y;
  });
}
const at = (shape: Shape, i: number): Length | undefined => (i < 0 ? undefined : shape[i]);
const elementwise: Rule = inputs => inputs.map(({ shape }) => shape).reduce(broadcast);

/** The integers of a list that is an initializer. */
const known = ({ values }: Tensor): readonly number[] | null =>
  values?.every(value => value !== null) ? values : null;

/** Axes are an attribute before opset 18, and an input from there on. */
const reduction: Rule = (inputs, attributes) => {
  const { shape } = first(inputs);
  const given = attributes.ints("axes") ?? (inputs.length > 1 ? known(input(inputs, 1)) : shape.map((_, i) => i));
  if (given === null) return refuse("its axes are no initializer");
  const axes = new Set(given.map(axis => axisOf(axis, shape.length)));
  const kept = attributes.int("keepdims", 1) !== 0;
  return shape.flatMap((length, i) => (axes.has(i) ? (kept ? [1] : []) : [length]));
};

const vectorOf = (tensor: Tensor, length: Length | undefined, what: string): void =>
  need(
    tensor.shape.length === 1 && fits(tensor.shape[0], length),
    () => `${what} is ${say(tensor.shape)}, expected [${length ?? "?"}]`,
  );

/** The product of what is known of a shape, and the symbols besides; null where a length is unknown. */
function measure(shape: Shape): { readonly known: number; readonly symbols: readonly string[] } | null {
  if (shape.includes(null)) return null;
  const factors = shape.flatMap(length => (typeof length === "string" ? length.split("*") : `${length}`));
  const [numbers, symbols] = [factors.filter(isNumber), factors.filter(factor => !isNumber(factor))];
  return { known: numbers.reduce((a, b) => a * Number(b), 1), symbols: symbols.sort() };
}
const isNumber = (factor: string): boolean => /^\d+$/.test(factor);

/** The integers of a list, null for those that are worked out in a run. */
export function listOf({ shape, values }: Tensor): readonly (number | null)[] {
  const [length] = shape;
  if (values !== null) return values;
  return shape.length === 1 && typeof length === "number"
    ? Array.from({ length }, () => null)
    : refuse("its shape is no list");
}

const reshape: Rule = inputs => {
  const from = first(inputs).shape;
  const wanted = listOf(input(inputs, 1));
  need(
    wanted.every(n => n === null || n >= -1) && wanted.filter(n => n === -1).length <= 1,
    () => `its shape is ${say(wanted)}`,
  );
  need(
    wanted.every((n, i) => n !== 0 || i < from.length),
    () => `${say(from)} has not the dimensions of ${say(wanted)}`,
  );
  const to = wanted.map((n, i) => (n === 0 ? (from[i] ?? null) : n));
  const open = to.indexOf(-1);
  const [before, after] = [measure(from), measure(to.filter(n => n !== -1))];
  if (before === null || after === null) return to.map(n => (n === -1 ? null : n));
  const rest = before.known / after.known;
  // What is open may be a number of images, or of patches of them: `batch*9`.
  const [symbol, ...more] = before.symbols;
  if (open >= 0 && symbol !== undefined && more.length + after.symbols.length === 0 && Number.isInteger(rest))
    return to.map(n => (n !== -1 ? n : rest === 1 ? symbol : `${symbol}*${rest}`));
  if (before.symbols.join() !== after.symbols.join()) return to.map(n => (n === -1 ? null : n));
  need(open === -1 ? rest === 1 : Number.isInteger(rest), () => `${say(from)} has not the elements of ${say(wanted)}`);
  return to.map(n => (n === -1 ? rest : n));
};

const matMul: Rule = inputs => {
  const [a, b] = [first(inputs).shape, input(inputs, 1).shape];
  need(a.length >= 2 && b.length >= 2 && fits(a.at(-1), b.at(-2)), () => `${say(a)} cannot be multiplied by ${say(b)}`);
  return [...broadcast(a.slice(0, -2), b.slice(0, -2)), a.at(-2) ?? null, b.at(-1) ?? null];
};

const gemm: Rule = (inputs, attributes) => {
  const [a, weight, bias] = [first(inputs).shape, input(inputs, 1).shape, input(inputs, 2).shape];
  const b = attributes.int("transB", 0) === 0 ? weight : [...weight].reverse();
  need(a.length === 2 && b.length === 2 && fits(a[1], b[0]), () => `${say(a)} cannot be multiplied by ${say(b)}`);
  const product = [a[0] ?? null, b[1] ?? null];
  const sum = broadcast(product, bias);
  need(sameShape(sum, product), () => `its bias ${say(bias)} is larger than the product ${say(product)}`);
  return sum;
};

const conv: Rule = (inputs, attributes) => {
  const [x, weight] = [first(inputs).shape, input(inputs, 1).shape];
  const group = attributes.int("group", 1);
  const [channels, outputs] = [x[1] ?? null, weight[0] ?? null];
  const kernel = attributes.ints("kernel_shape") ?? weight.slice(2).map(Number);
  const strides = attributes.ints("strides") ?? [1, 1];
  const pads = attributes.ints("pads") ?? [0, 0, 0, 0];
  const dilations = attributes.ints("dilations") ?? [1, 1];
  need(x.length === 4 && weight.length === 4, () => `an input of ${say(x)} and a weight of ${say(weight)} are no maps`);
  need(sameShape(kernel, weight.slice(2)), () => `its weight is ${say(weight)}, but kernel_shape ${say(kernel)}`);
  need(group > 0 && Number(weight[1]) * group === channels && Number(outputs) % group === 0, () => {
    return `${group} groups of ${weight[1]} channels are not the ${channels} of its input, or do not divide ${outputs} outputs`;
  });
  if (inputs[2] !== undefined) vectorOf(inputs[2], outputs, "its bias");
  need(strides.length === 2 && strides.every(n => n > 0), () => `its strides are ${say(strides)}`);
  need(dilations.length === 2 && dilations.every(n => n > 0), () => `its dilations are ${say(dilations)}`);
  need(pads.length === 4 && pads.every(n => n >= 0), () => `its pads are ${say(pads)}`);
  const along = [0, 1].map(i => {
    const length = x[i + 2] ?? null;
    if (typeof length !== "number") return null;
    const reach = (Number(kernel[i]) - 1) * Number(dilations[i]) + 1;
    const sites = length + Number(pads[i]) + Number(pads[i + 2]) - reach;
    need(sites >= 0, () => `a kernel of ${say(kernel)} is larger than the map ${say(x)} and its pads`);
    return Math.floor(sites / Number(strides[i])) + 1;
  });
  return [x[0] ?? null, outputs, ...along];
};

const normalization =
  (axis: (attributes: Attributes) => number): Rule =>
  (inputs, attributes) => {
    const { shape } = first(inputs);
    const length = shape[axisOf(axis(attributes), shape.length)];
    vectorOf(input(inputs, 1), length, "its scale");
    vectorOf(input(inputs, 2), length, "its shift");
    return shape;
  };

/** The shape that every operator gives, from its definition in ONNX. What is not known before a run stays open. */
export const shapeRules: Readonly<Record<OperatorName, Rule>> = {
  Add: elementwise,
  Div: elementwise,
  LessOrEqual: elementwise,
  Mod: elementwise,
  Mul: elementwise,
  Pow: elementwise,
  Sub: elementwise,
  Where: elementwise,

  Cast: alike,
  CumSum: alike,
  Erf: alike,
  Gelu: alike,
  Identity: alike,
  Relu: alike,
  Sigmoid: alike,
  Round: alike,
  Sqrt: alike,
  Tanh: alike,

  ReduceMean: reduction,
  ReduceMin: reduction,
  ReduceSum: reduction,

  Conv: conv,
  Gemm: gemm,
  MatMul: matMul,
  Reshape: reshape,
  InstanceNormalization: normalization(() => 1),
  LayerNormalization: normalization(attributes => attributes.int("axis", -1)),

  Transpose(inputs, attributes) {
    const { shape } = first(inputs);
    const perm = attributes.ints("perm") ?? shape.map((_, i) => shape.length - 1 - i);
    const places = [...perm].sort((a, b) => a - b);
    need(perm.length === shape.length && places.every((place, i) => place === i), () => {
      return `perm ${say(perm)} is no order of the dimensions ${say(shape)}`;
    });
    return perm.map(place => shape[place] ?? null);
  },
  Concat(inputs, attributes) {
    need(attributes.int("axis", 0) === 0, () => "it joins no lists");
    return [inputs.reduce((length, tensor) => length + listOf(tensor).length, 0)];
  },
  Expand: inputs => broadcast(first(inputs).shape, listOf(input(inputs, 1))),
  Gather(inputs, attributes) {
    const [{ shape }, indices] = [first(inputs), input(inputs, 1).shape];
    const axis = axisOf(attributes.int("axis", 0), shape.length);
    return [...shape.slice(0, axis), ...indices, ...shape.slice(axis + 1)];
  },
  GatherND(inputs, attributes) {
    const [{ shape }, indices] = [first(inputs), input(inputs, 1).shape];
    const shared = attributes.int("batch_dims", 0);
    const depth = indices.at(-1);
    need(typeof depth === "number" && shared >= 0 && shared < indices.length && shared + depth <= shape.length, () => {
      return `${say(shape)} cannot be indexed by ${say(indices)}`;
    });
    need(sameShape(shape.slice(0, shared), indices.slice(0, shared)), () => {
      return `${say(shape)} and its indices ${say(indices)} have another batch`;
    });
    return [...indices.slice(0, -1), ...shape.slice(shared + Number(depth))];
  },
  Pad(inputs) {
    const { shape } = first(inputs);
    const pads = known(input(inputs, 1)) ?? refuse("its pads are no initializer");
    need(pads.length === 2 * shape.length, () => `${pads.length} pads are not two for each of ${say(shape)}`);
    return shape.map((length, i) => {
      const more = Number(pads[i]) + Number(pads[i + shape.length]);
      return more === 0 ? length : typeof length === "number" ? length + more : null;
    });
  },
  Shape(inputs, attributes) {
    const rank = first(inputs).shape.length;
    const [start, end] = [attributes.int("start", 0), attributes.int("end", rank)];
    need(start >= 0 && start <= end && end <= rank, () => `of ${rank} dimensions none are from ${start} to ${end}`);
    return [end - start];
  },
  Slice: inputs => opened(first(inputs).shape, known(input(inputs, 3))),
  Resize(inputs, attributes) {
    const axes = attributes.ints("axes");
    const sizes = known(input(inputs, 3));
    const open = opened(first(inputs).shape, axes);
    if (axes === null || sizes === null) return open;
    return open.map((length, i) => (axes.includes(i) ? (sizes[axes.indexOf(i)] ?? null) : length));
  },
};

/** A shape whose lengths along some axes are found at run time. */
function opened(shape: Shape, axes: readonly number[] | null): Shape {
  if (axes === null) return refuse("its axes are no initializer");
  const open = axes.map(axis => axisOf(axis, shape.length));
  return shape.map((length, i) => (open.includes(i) ? null : length));
}

/** What a node makes. */
export const resultOf = (op: OperatorName, inputs: readonly Tensor[], attributes: Attributes): Tensor => ({
  shape: shapeRules[op](inputs, attributes),
  values: op === "Concat" ? inputs.flatMap(listOf) : null,
});
