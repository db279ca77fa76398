/** What validation tells of a model. Parts of images are from 0 to 1; what is not finite could not be computed. */
export interface Figures {
  /** How many pictures it is about. */
  images: number;
  /** The mean cross-entropy of a classifier in nats, or the mean loss of a masked autoencoder. */
  loss: number;
  top1?: number;
  top5?: number;
  /** The part of pictures that k nearest neighbours get right, and that a linear probe does. */
  knn?: number;
  probe?: number;
}

const percent = (part: number): string => `${(100 * part).toFixed(2)} %`;

/** Each with its name and how it is written, in their order. */
export const figureKinds: {
  readonly [K in Exclude<keyof Figures, "images">]-?: readonly [name: string, text: (value: number) => string];
} = {
  loss: ["loss", value => value.toPrecision(5)],
  top1: ["top-1", percent],
  top5: ["top-5", percent],
  knn: ["k-NN", percent],
  probe: ["linear probe", percent],
};

/** `loss 1.2345, top-1 67.80 %`. */
export const figuresText = (figures: Figures): string =>
  Object.entries(figureKinds)
    .flatMap(([key, [name, text]]) => {
      const value = figures[key as keyof typeof figureKinds];
      return value === undefined ? [] : [`${name} ${text(value)}`];
    })
    .join(", ");

/** Figures of the weights, or of their average where there is one, and then of the weights beside it. */
export interface Validated {
  readonly val: Figures;
  readonly val_weights?: Figures;
}

/** For people. */
export const validatedText = ({ val, val_weights: weights }: Validated): string =>
  weights === undefined
    ? figuresText(val)
    : `${figuresText(val)} of the average; ${figuresText(weights)} of the weights`;
