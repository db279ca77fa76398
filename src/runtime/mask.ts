/** The patches of an image, and how many of them a mask keeps. */
export interface MaskShape {
  readonly patches: number;
  readonly keep: number;
}

/** Why these are not masks, one after the other, of that shape: 1 removes a patch, 0 keeps it. Null where they are. */
export function maskProblem(mask: ArrayLike<number>, { patches, keep }: MaskShape): string | null {
  for (let image = 0; image * patches < mask.length; image++) {
    let kept = 0;
    for (let patch = 0; patch < patches; patch++) {
      const value = mask[image * patches + patch];
      if (value !== 0 && value !== 1)
        return `patch ${patch} of image ${image} is ${value}; 1 removes a patch, 0 keeps it`;
      kept += 1 - value;
    }
    if (kept !== keep) return `image ${image} keeps ${kept} of ${patches} patches, this model keeps ${keep}`;
  }
  return null;
}

export interface RandomMask extends MaskShape {
  readonly batch: number;
}

/**
 * Random masks, [batch, patches], the same for the same seed (a whole number below 2^32) everywhere: each patch draws
 * a number from seed, image and patch alone, and the `keep` smallest of an image stay; of equal ones the earlier.
 */
export function randomMask(seed: number, { batch, patches, keep }: RandomMask): Float32Array<ArrayBuffer> {
  const mask = new Float32Array(batch * patches).fill(1);
  const drawn = new Uint32Array(patches);
  for (let image = 0; image < batch; image++) {
    for (let patch = 0; patch < patches; patch++) drawn[patch] = draw(seed, image, patch);
    const order = Array.from(drawn.keys()).sort((a, b) => (drawn[a] as number) - (drawn[b] as number) || a - b);
    for (const patch of order.slice(0, keep)) mask[image * patches + patch] = 0;
  }
  return mask;
}

/** A number below 2^32. */
const draw = (seed: number, image: number, patch: number): number => mix(mix(mix(seed) + image) + patch);

/** Every bit of the result depends on every bit of x: two rounds of shift and multiply in 32 bits. */
function mix(x: number): number {
  let y = x ^ (x >>> 16);
  y = Math.imul(y, 0x7feb352d);
  y ^= y >>> 15;
  y = Math.imul(y, 0x846ca68b);
  return (y ^ (y >>> 16)) >>> 0;
}
