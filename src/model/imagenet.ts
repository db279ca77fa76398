/** How the published weights want a picture: RGB from 0 to 1, less this mean, over this deviation. */
export const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;

/** The part of a side that is left after the official crop of inputs below 384 pixels; from there on there is none. */
export const cropPct = 0.875;
