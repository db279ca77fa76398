import type { MaskedMeanParams } from "../../../plan/kernels.ts";
import { activation, bindingContext, dims, type KernelSource, operandsOf, total } from "./shared.ts";

export const maskedMean = (p: MaskedMeanParams): KernelSource => {
  const { patches, invocations } = p;
  const list = [
    activation("errors", patches, 1, dims(patches)),
    activation("mask", patches, 1, dims(patches)),
    total("output", 1, dims(1)),
  ];
  return {
    template: "masked-mean",
    once: true,
    context: { patches, invocations, bindings: bindingContext(list) },
    operands: operandsOf(list),
    grid: [1, 1],
    workgroup: [invocations, 1],
  };
};
