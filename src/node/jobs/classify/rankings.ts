import type { TopClass } from "../../../runtime/top-k.ts";

/** A class and how likely it is. */
export type Ranked = Omit<TopClass, "label">;

/** The likeliest classes of many images, 16 bytes each: an object a class would take ten times as much. */
export interface Rankings {
  readonly images: readonly string[];
  /** Classes that are told of each image. */
  readonly top: number;
  /** [images, top], as are the others. */
  readonly classes: Uint32Array;
  readonly logits: Float32Array;
  readonly probabilities: Float64Array;
}

/** Room for those of so many images. */
export function rankings(most: number, top: number) {
  const images: string[] = [];
  const classes = new Uint32Array(most * top);
  const logits = new Float32Array(most * top);
  const probabilities = new Float64Array(most * top);
  return {
    add(image: string, ranked: readonly Ranked[]): void {
      for (const [i, one] of ranked.entries()) {
        const at = images.length * top + i;
        classes[at] = one.class;
        logits[at] = one.logit;
        probabilities[at] = one.probability;
      }
      images.push(image);
    },
    all: (): Rankings => ({ images, top, classes, logits, probabilities }),
  };
}

/** The likeliest classes of one of the images. */
export const rankedOf = ({ top, classes, logits, probabilities }: Rankings, image: number): readonly Ranked[] =>
  Array.from({ length: top }, (_, i) => {
    const at = image * top + i;
    return { class: classes[at] ?? 0, logit: logits[at] ?? 0, probability: probabilities[at] ?? 0 };
  });
