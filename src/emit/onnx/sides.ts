import { sites } from "../../graph/graph.ts";
import type { TensorType } from "../../graph/ops.ts";
import { type Model, roundedUp, sitesAlong } from "../../model/model.ts";
import { integers } from "./initializers.ts";
import type { Writer } from "./writer.ts";

/*
 * Heights and widths of maps. Where the caller chooses the size of images a graph works them out when it runs, from the
 * shape of its input; the model's own size is then what shapes are told apart by, and what choices of speed go by.
 */

/** A length: a number, or the name of a tensor [1] that holds it. */
export type Length = number | string;

export interface Sides<T extends Length = Length> {
  readonly height: T;
  readonly width: T;
}

/** An image of the model's own size. */
export interface Image extends Sides<number> {
  /** See `sitesAlong`. */
  readonly roundedUp: number;
}

/** What a stem makes of an image. */
export const imageOf = ({ input: { height, width }, stem }: Pick<Model, "input" | "stem">): Image => ({
  height,
  width,
  roundedUp: roundedUp(stem),
});

/** What is added to a length, so that cut down it has as many sites of that stride as the map. */
const addedFor = ({ roundedUp }: Image, stride: number): number => Math.min(stride, roundedUp) - 1;

const axes = { height: 2, width: 3 } as const satisfies Record<keyof Sides, number>;

/** `height_8`: the height of the image by 8, rounded as the model does. */
const nameOf = (side: keyof Sides, stride: number): string => (stride === 1 ? side : `${side}_${stride}`);

/** Sides of a map, as numbers or as tensors. */
export function sidesOf(w: Writer, type: TensorType): Sides {
  const map = sites(type);
  if (w.anySize === null) return map;
  const stride = strideOf(w.anySize, map);
  const added = addedFor(w.anySize, stride);
  return { height: tensorOf(w, "height", stride, added), width: tensorOf(w, "width", stride, added) };
}

/** Names of the sides of a map, as a graph's inputs and outputs state them. */
export function sideNames(image: Image, map: Sides<number>): Sides<string> {
  const stride = strideOf(image, map);
  return { height: nameOf("height", stride), width: nameOf("width", stride) };
}

/** How many pixels a site stands for. Each stage has half the rows of the one before, so that there is one such number. */
function strideOf(image: Image, map: Sides<number>): number {
  let stride = 1;
  while (sitesAlong(image.height, stride, image.roundedUp) > map.height) stride *= 2;
  return stride;
}

function tensorOf(w: Writer, side: keyof Sides, stride: number, added: number): string {
  const [start, end] = [axes[side], axes[side] + 1];
  const range = { start: { kind: "int", value: start }, end: { kind: "int", value: end } } as const;
  const whole = w.step("sizes", side, "Shape", ["pixel_values"], range);
  if (stride === 1) return whole;
  const more = added === 0 ? whole : w.step("sizes", `${side}+${added}`, "Add", [whole, integers(w, added)]);
  return w.step("sizes", nameOf(side, stride), "Div", [more, integers(w, stride)]);
}

/** The product of two lengths. */
export function times(w: Writer, a: Length, b: Length): Length {
  if (typeof a === "number" && typeof b === "number") return a * b;
  return w.step("sizes", `${label(a)}*${label(b)}`, "Mul", [lengths(w, a), lengths(w, b)]);
}

/** A list of lengths: a shape, or ends. 0 in a shape keeps the input's length there, so the batch stays a symbol. */
export function lengths(w: Writer, ...list: readonly Length[]): string {
  if (areNumbers(list)) return integers(w, ...list);
  const [only] = list;
  if (list.length === 1 && only !== undefined) return `${only}`;
  const parts = list.map(length => (typeof length === "number" ? integers(w, length) : length));
  return w.step("sizes", list.map(label).join(","), "Concat", parts, { axis: { kind: "int", value: 0 } });
}

export const areNumbers = (list: readonly Length[]): list is readonly number[] =>
  list.every(length => typeof length === "number");

/** A length in a name. */
export const label = (length: Length): string => `${length}`.replace(/^sizes\//, "");
