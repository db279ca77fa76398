import { invariant } from "../diagnostics/invariant.ts";

/**
 * Operands that no target may store in 16 bits, by the names that kernels have for them: sums and what is divided by
 * them, GRN's factors, and vectors that are added to f32 sums. See docs/numerics.md.
 */
const alwaysF32: ReadonlySet<string> = new Set([
  "squares",
  "partials",
  "scale",
  "factor",
  "gamma",
  "bias",
  "packed_bias",
  "gain",
  "shift",
  "mask",
  "table",
  "token",
  "errors",
]);

/** Refuses a kernel that would keep one of them in 16 bits: whoever made it so has a bug. */
export function checkStorage(
  kernel: string,
  operands: readonly { readonly name: string; readonly half: boolean }[],
): void {
  for (const { name, half } of operands)
    invariant(!half || !alwaysF32.has(name), `'${kernel}' keeps its ${name} in 16 bits, which has to be f32`);
}
