import { activation, bindingContext, bindingsOf, dims, type KernelSource, total } from "./shared.ts";

/** Mean over the removed patches of all images. */
export interface MaskedMeanParams {
  /** Patches of an image. */
  readonly patches: number;
  readonly invocations: number;
}

export const maskedMean = (p: MaskedMeanParams): KernelSource => {
  const { patches, invocations } = p;
  const list = [
    activation("errors", patches, 1, dims(patches)),
    activation("mask", patches, 1, dims(patches)),
    total("output", 1, dims(1)),
  ];
  return {
    template: "masked-mean",
    context: { patches, invocations, bindings: bindingContext(list) },
    bindings: bindingsOf(list),
    grid: [1, 1],
    workgroup: [invocations, 1],
  };
};
