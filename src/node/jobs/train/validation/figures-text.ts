import type { Figures } from "./measure.ts";
import type { Validated } from "./validation.ts";

const percent = (part: number): string => `${(100 * part).toFixed(2)} %`;

const names: { readonly [K in Exclude<keyof Figures, "images">]-?: readonly [string, (value: number) => string] } = {
  loss: ["loss", value => value.toPrecision(5)],
  top1: ["top-1", percent],
  top5: ["top-5", percent],
  knn: ["k-NN", percent],
  probe: ["linear probe", percent],
};

/** `loss 1.2345, top-1 67.80 %`. */
export const figuresText = (figures: Figures): string =>
  Object.entries(names)
    .flatMap(([key, [name, text]]) => {
      const value = figures[key as keyof typeof names];
      return value === undefined ? [] : [`${name} ${text(value)}`];
    })
    .join(", ");

/** The same, and beside those of the average those of the weights. */
export const validatedText = ({ val, val_weights: weights }: Validated): string =>
  weights === undefined
    ? figuresText(val)
    : `${figuresText(val)} of the average; ${figuresText(weights)} of the weights`;
