import { type ElementwiseParams, elementwiseFormulas, geluForms } from "../../../plan/kernels.ts";
import { roundUp } from "../../../plan/tile.ts";
import {
  activation,
  approximate,
  bindingContext,
  dims,
  f16Allowed,
  flat,
  type KernelSource,
  operandsOf,
  result,
  slots,
  type Vec,
  weight,
  wgslType,
} from "./shared.ts";

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
      formula: elementwiseFormulas[op],
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
    operands: operandsOf(list),
    grid,
    workgroup,
  };
};
