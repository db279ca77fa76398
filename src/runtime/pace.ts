/** How much work may be submitted at a time. Operating systems reset a GPU that does not answer for a second or two. */
export interface Pace {
  readonly budget: () => number;
  /** Tells how long some work took. */
  readonly took: (work: number, milliseconds: number) => void;
}

/** A submit is to take a third of the 100 ms that it may: kernels differ in how fast they work, and machines from second to second. */
const aimMs = 30;
/** Below this, what was waited for is the way to the GPU and back, rather than the work. */
const tellingMs = 10;
/** What the slowest adapters do in the time aimed at; `Step.work` tells the unit. */
const cautious = 4e7;

/** Milliseconds since some moment. Every host has this clock, but not everybody's types name it. */
export const now = (): number =>
  (globalThis as unknown as { readonly performance: { readonly now: () => number } }).performance.now();

export function pace(): Pace {
  let budget = cautious;
  return {
    budget: () => budget,
    took(work, milliseconds) {
      const fitting = (work * aimMs) / Math.max(milliseconds, 0.1);
      if (milliseconds > tellingMs) budget = Math.min(fitting, budget * 1.25);
      else if (work > budget / 2) budget = Math.min(fitting, budget * 8);
    },
  };
}
