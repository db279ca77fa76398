/** Features of images, a row each, and the class that each shows. */
export interface Labelled {
  /** Row-major, [images, width]. */
  readonly features: Float64Array;
  readonly width: number;
  /** From 0. */
  readonly labels: readonly number[];
}

/** Lets others have a turn in the middle of long work. */
export type Breathe = () => Promise<unknown>;

/** The first of the largest. */
export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] as number) > (values[best] as number)) best = i;
  return best;
}
