/** How long work takes, as far as is known. Operating systems reset a GPU that does not answer for a second or two. */
export interface Pace {
  /** Milliseconds that so much work of a kernel takes. */
  readonly guess: (kernel: number, work: number) => number;
  /** Tells how long it took what was guessed to take so many milliseconds, and which kernels it was. */
  readonly took: (kernels: readonly number[], guessed: number, milliseconds: number) => void;
}

/** A submit is to take a third of the 100 ms that it may: machines change their speed from second to second. */
export const aimMs = 30;
/** Below this, what was waited for is the way to the GPU and back, rather than the work. */
const tellingMs = 10;
/** What the slowest adapters do in the time aimed at; `Step.work` tells the unit. */
const cautious = 4e7;

/** Milliseconds since some moment. Every host has this clock, but not everybody's types name it. */
export const now = (): number =>
  (globalThis as unknown as { readonly performance: { readonly now: () => number } }).performance.now();

/** Learns how fast each kernel is. One that has not run yet is taken to be as slow as those that ran last. */
export function pace(): Pace {
  const known = new Map<number, number>(); // milliseconds for one unit of work
  let unknown = aimMs / cautious;
  return {
    guess: (kernel, work) => work * (known.get(kernel) ?? unknown),
    took(kernels, guessed, milliseconds) {
      const off = milliseconds / guessed;
      let factor = 1;
      if (milliseconds > tellingMs) factor = Math.min(4, Math.max(1 / 1.25, off));
      else if (guessed > aimMs / 2) factor = Math.max(1 / 8, off);
      for (const kernel of new Set(kernels)) known.set(kernel, (known.get(kernel) ?? unknown) * factor);
      unknown = Math.max(...kernels.map(kernel => known.get(kernel) as number));
    },
  };
}
