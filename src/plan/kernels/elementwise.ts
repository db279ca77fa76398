import type { GeluApproximation } from "../../graph/ops.ts";
import { roundUp } from "../tile.ts";
import {
  activation,
  approximate,
  bindingContext,
  bindingsOf,
  dims,
  f16Allowed,
  flat,
  type KernelSource,
  result,
  slots,
  type Vec,
  weight,
  wgslType,
} from "./shared.ts";

export type ElementwiseOp = "gelu" | "gelu-tanh" | "add" | "scale" | "scale-each" | "shift";

export interface ElementwiseParams {
  /** `scale` by a parameter, `scale-each` by factors that every image has of its own. */
  readonly op: ElementwiseOp;
  /** Elements of an image. */
  readonly length: number;
  readonly channels: number;
}

/** The GELU of an op that is one. */
export const geluForms: Readonly<Record<ElementwiseOp, GeluApproximation | null>> = {
  gelu: "erf",
  "gelu-tanh": "tanh",
  add: null,
  scale: null,
  "scale-each": null,
  shift: null,
};

const formulas: { readonly [op in ElementwiseOp]: string } = {
  gelu: "output = gelu(input)",
  "gelu-tanh": "output = gelu(input)",
  add: "output = input + other",
  scale: "output[t,c] = input[t,c] * factor[c]",
  "scale-each": "output[t,c] = input[t,c] * factor[c]",
  shift: "output[t,c] = input[t,c] + shift[c]",
};

export const elementwise = (p: ElementwiseParams): KernelSource => {
  const { op, length, channels } = p;
  const gelu = geluForms[op];
  const channelwise = op === "scale" || op === "scale-each" || op === "shift";
  const vec: Vec = length % 4 === 0 && (!channelwise || channels % 4 === 0) ? 4 : 1;
  const count = length / vec;
  const { context, grid, workgroup } = flat(count);
  const list = slots([
    f16Allowed(activation("input", length, vec, dims(length))),
    op === "add" ? f16Allowed(activation("other", length, vec, dims(length))) : null,
    op === "scale" ? weight("factor", channels, vec, dims(channels)) : null,
    op === "scale-each" ? activation("factor", roundUp(channels, 4), vec, dims(channels)) : null,
    op === "shift" ? weight("shift", channels, vec, dims(channels)) : null,
    f16Allowed(result("output", length, vec, dims(length))),
  ]);
  return {
    template: "elementwise",
    context: {
      length,
      channels,
      ...context,
      formula: formulas[op],
      channelwise,
      channelCount: channels / vec,
      acc: wgslType(vec),
      add: op === "add",
      scale: op === "scale" || op === "scale-each",
      perImage: op === "scale-each",
      factorStride: roundUp(channels, 4) / vec,
      shift: op === "shift",
      gelu: gelu !== null,
      tanh: gelu !== null && approximate[gelu],
      bindings: bindingContext(list),
    },
    bindings: bindingsOf(list),
    grid,
    workgroup,
  };
};
