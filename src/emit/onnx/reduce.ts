import { integers } from "./initializers.ts";
import { type Attributes, int, ints, type Writer } from "./writer.ts";

/** Inputs and attributes of a reduction: the axes became an input with opset 18, of ReduceSum alone with 13. */
export const overAxes = (
  w: Writer,
  x: string,
  axes: readonly number[],
  keepdims: number,
): readonly [inputs: readonly string[], attributes: Attributes] =>
  w.opset >= 18 ? sumOver(w, x, axes, keepdims) : [[x], { axes: ints(...axes), keepdims: int(keepdims) }];

/** The same for ReduceSum. */
export const sumOver = (
  w: Writer,
  x: string,
  axes: readonly number[],
  keepdims: number,
): readonly [inputs: readonly string[], attributes: Attributes] => [
  [x, integers(w, ...axes)],
  { keepdims: int(keepdims) },
];
