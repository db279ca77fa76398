/** The L2 norm of all gradients together. */
export function gradientNorm(gradients: Iterable<Float64Array>): number {
  let squares = 0;
  for (const gradient of gradients) for (let i = 0; i < gradient.length; i++) squares += (gradient[i] as number) ** 2;
  return Math.sqrt(squares);
}

/**
 * What clipping multiplies every gradient by: 1 where their norm is within the bound, or there is none.
 * Source: torch.nn.utils.clip_grad_norm_, its 1e-6 too.
 */
export const clipScale = (norm: number, clip: number | null): number =>
  clip === null || norm <= clip ? 1 : clip / (norm + 1e-6);
