/** A map of one image: channels, rows, columns. */
export interface FeatureMap {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly data: Float32Array;
}

/**
 * How far the channels of a map are apart (section 3 of the ConvNeXt V2 paper): the mean over all pairs of channels of
 * (1 − cos) / 2, over the positions of kept patches. Near 0 channels are copies of each other, a collapse; ½ is no
 * relation. `mask` is of rows × columns patches. A channel that is zero all over has no direction and counts as
 * unrelated to every other, itself too.
 */
export function channelDistance(
  { channels, height, width, data }: FeatureMap,
  mask: Float32Array,
  rows: number,
  columns: number,
): number {
  const kept: number[] = [];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      if (mask[Math.floor((y * rows) / height) * columns + Math.floor((x * columns) / width)] === 0)
        kept.push(y * width + x);
  // The sum of all cosines is the squared length of the sum of all directions.
  const sum = new Float64Array(kept.length);
  for (let c = 0; c < channels; c++) {
    const from = c * height * width;
    const norm = Math.sqrt(kept.reduce((total, at) => total + (data[from + at] as number) ** 2, 0));
    if (norm === 0) continue;
    kept.forEach((at, i) => {
      sum[i] = (sum[i] as number) + (data[from + at] as number) / norm;
    });
  }
  const cosines = sum.reduce((total, value) => total + value * value, 0);
  return (1 - cosines / channels ** 2) / 2;
}
