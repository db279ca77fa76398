import type { Precision } from "../model/model.ts";

/**
 * How far any value of the graph may be from the float64 reference, relative in l2. For f32 plain kernels stay below
 * 2e-6, f16 rounds to 1e-3 and bf16 to 1e-2 (test/golden/README.md, "Tolerances"); TF32 has the mantissa of f16.
 */
export const precisionLimits: { readonly [K in Precision]: number } = { f32: 1e-5, tf32: 2e-3, f16: 5e-3, bf16: 3e-2 };

/** The same of a gradient in f32, whose sums are longer: test/golden/README.md, "Tolerances". */
export const gradientLimit = 2e-5;
