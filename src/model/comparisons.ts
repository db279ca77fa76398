/** The comparisons that specs and options may write. */
export const comparisons = {
  "<=": (a: number, b: number): boolean => a <= b,
  ">=": (a: number, b: number): boolean => a >= b,
  "==": (a: number, b: number): boolean => a === b,
  "<": (a: number, b: number): boolean => a < b,
  ">": (a: number, b: number): boolean => a > b,
} as const;

export type Comparison = keyof typeof comparisons;
