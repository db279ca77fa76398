import { invariant } from "../diagnostics/invariant.ts";
import { dataBytes, type Operand } from "./plan.ts";

/**
 * Operands that no target may store in 16 bits, by the names that kernels have for them: sums and what is divided by
 * them, GRN's factors, and vectors that are added to f32 sums. See docs/numerics.md.
 */
const alwaysF32: ReadonlySet<string> = new Set([
  "squares",
  "partials",
  "scale",
  "vector",
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
export function checkStorage(kernel: string, operands: readonly Pick<Operand, "role" | "storage">[]): void {
  for (const { role, storage } of operands)
    invariant(
      dataBytes[storage] === 4 || !alwaysF32.has(role),
      `'${kernel}' keeps its ${role} in 16 bits, which has to be f32`,
    );
}
