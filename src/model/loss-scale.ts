import { type Model, type Precision, patchGrid } from "./model.ts";

/** A power of 2, so that multiplying by it and dividing again rounds nothing. */
const powerBelow = (x: number): number => 2 ** Math.max(0, Math.floor(Math.log2(x)));

/**
 * What a loss is multiplied by before it is differentiated, and its gradients divided by: f16 has no numbers for those of a
 * mean over many values. It makes the first of them about 1, whatever the model: those of logits are 1/N of an image's, those of
 * predicted pixels 2/(P·M) of a removed patch's, of P values, M patches in all (Micikevicius et al., Mixed Precision
 * Training, section 3.2, with a factor that is known beforehand). 1 for other types and where no loss is trained.
 */
export function lossScale({ head, input }: Model, batch: number, precision: Precision): number {
  if (precision !== "f16") return 1;
  if (head.kind === "classifier") return powerBelow(batch);
  if (head.kind !== "fcmae") return 1;
  const { rows, columns, keep } = patchGrid(input, head);
  const values = input.channels * head.patchSize ** 2;
  return powerBelow((values * batch * (rows * columns - keep)) / 2);
}
