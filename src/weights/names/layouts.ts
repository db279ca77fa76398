import { elements } from "../tensor.ts";
import type { Dialect, Layout } from "./name-rows.ts";
import type { KnownName } from "./names.ts";

type Shape = readonly number[];

/** The same tensor but for dimensions of 1, which hold no order: (4C) for (1,1,1,4C), (O,I,1,1) for (O,I). */
export const sameButOnes = (a: Shape, b: Shape): boolean => {
  const [left, right] = [a, b].map(shape => shape.filter(size => size !== 1).join());
  return left === right;
};

/**
 * Whether the dialect has the tensor with its axes in the opposite order: (x, y, I, O) for (O, I, y, x), and (x, y, C)
 * for a depthwise (C, 1, y, x), x and y joined to one.
 */
export const isReversed = ({ layout, isBias }: KnownName, dialect: Dialect): boolean =>
  dialect === "fcmae" && layout === "kernel" && !isBias;

/** The official axes, without the 1 that a depthwise kernel has for its inputs. */
const axesOf = ({ shape }: KnownName, official: Shape): Shape =>
  shape[1] === 1 ? official.filter((_, axis) => axis !== 1) : official;

/** How timm makes linear layers: as 1×1 convolutions where `convMlp`. */
export interface Style {
  readonly convMlp: boolean;
}

type Reshape = (official: Shape, known: KnownName, style: Style) => Shape;

const alone: Reshape = official => [elements(official)];
const asRow: Reshape = official => [1, elements(official)];

/** A linear layer of timm's small models. */
const asConvolution: Reshape = (official, { isBias }, { convMlp }) =>
  convMlp && !isBias ? [...official, 1, 1] : official;

/** What a dialect makes of an official shape, where it is not the same. */
const shapes: Readonly<Record<Layout, Partial<Record<Dialect, Reshape>>>> = {
  plain: {},
  grn: { timm: alone, timm_features: alone, mmpretrain: alone, fcmae: asRow },
  scale: { torchvision: official => [...official, 1, 1] },
  linear: { timm: asConvolution, timm_features: asConvolution },
  kernel: {
    fcmae: (official, known, style) => {
      if (known.isBias) return asRow(official, known, style);
      const [x = 0, y = 0, ...rest] = axesOf(known, official).toReversed();
      return [x * y, ...rest];
    },
  },
};

/** The shape that a dialect gives to a tensor of an official shape. */
export const shapeIn = (
  known: KnownName,
  dialect: Dialect,
  official: Shape,
  style: Style = { convMlp: false },
): Shape => shapes[known.layout][dialect]?.(official, known, style) ?? official;

/** The official shape of a tensor that a dialect gives this one; null where no official shape looks so. */
export function officialShape(known: KnownName, dialect: Dialect, shape: Shape): Shape | null {
  const official = isReversed(known, dialect) ? unjoined(known, shape) : fitted(known, shape);
  const fits = official?.every((size, axis) => known.shape[axis] === size || typeof known.shape[axis] === "string");
  return fits && official?.length === known.shape.length ? official : null;
}

function unjoined(known: KnownName, [taps = 0, ...rest]: Shape): Shape {
  const side = Math.round(Math.sqrt(taps));
  if (side * side !== taps) return [];
  const axes = [...rest.toReversed(), side, side];
  return known.shape[1] === 1 ? axes.toSpliced(1, 0, 1) : axes;
}

/** Without dimensions of 1 that are too many, or with those that are missing. */
function fitted({ shape: wanted }: KnownName, shape: Shape): Shape | null {
  if (wanted.filter(length => typeof length === "string").length === 1) {
    const sizes = shape.filter(size => size !== 1);
    return sizes.length > 1 ? null : wanted.map(length => (typeof length === "string" ? (sizes[0] ?? 1) : length));
  }
  return shape.slice(wanted.length).every(size => size === 1) ? shape.slice(0, wanted.length) : null;
}

/** What is read from a dialect, in the official order of elements; `official` is its shape, `width` an element's bytes. */
export const toOfficial = (
  known: KnownName,
  from: Dialect,
  official: Shape,
  bytes: Uint8Array,
  width: number,
): Uint8Array => (isReversed(known, from) ? reverseAxes(bytes, axesOf(known, official).toReversed(), width) : bytes);

/** The other way. */
export const fromOfficial = (
  known: KnownName,
  to: Dialect,
  official: Shape,
  bytes: Uint8Array,
  width: number,
): Uint8Array => (isReversed(known, to) ? reverseAxes(bytes, axesOf(known, official), width) : bytes);

/** Elements of a row-major array of these lengths, in the order of the array with its axes reversed. */
function reverseAxes(bytes: Uint8Array, lengths: Shape, width: number): Uint8Array {
  const reversed = new Uint8Array(bytes.length);
  const strides = lengths.map((_, axis) => width * elements(lengths.slice(0, axis)));
  const index = lengths.map(() => 0);
  let to = 0;
  for (let from = 0; from < bytes.length; from += width) {
    for (let k = 0; k < width; k++) reversed[to + k] = bytes[from + k] as number;
    for (let axis = lengths.length - 1; axis >= 0; axis--) {
      const stride = strides[axis] as number;
      const length = lengths[axis] as number;
      to += stride;
      const next = (index[axis] as number) + 1;
      index[axis] = next % length;
      if (next < length) break;
      to -= stride * length;
    }
  }
  return reversed;
}
