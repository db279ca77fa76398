import type { Step } from "./descriptor.ts";

export type Groups = readonly [x: number, y: number, z: number];

/** Workgroups of a dispatch, from `first` on. */
export interface Part {
  /** Index into the steps. */
  readonly step: number;
  readonly first: Groups;
  readonly size: Groups;
}

/** Some of a pass. */
export interface Cut {
  readonly parts: readonly Part[];
  readonly work: number;
  /** Nothing is left after it. */
  readonly isLast: boolean;
}

/** Where a dispatch may be cut: into as many pieces at the most, so that there are few places to begin at. */
const mostCuts = 64;

const gridOf = ({ grid: [x, y], perImage }: Step, batch: number): Groups => [x, y, perImage ? batch : 1];

const workOf = ({ work = 0, perImage }: Step, batch: number): number => work * (perImage ? batch : 1);

/** Every step as a whole. */
export const wholes = (steps: readonly Step[], batch: number): readonly Part[] =>
  steps.map((whole, step) => ({ step, first: [0, 0, 0], size: gridOf(whole, batch) }));

/**
 * Hands out all steps in order, as much at a time as is asked for: whole dispatches where they fit, and of one that is
 * too long for any the next part of its longest side. Some work is always handed out; null when all of it was.
 */
export function cutter(steps: readonly Step[], batch: number): (budget: number) => Cut | null {
  let step = 0;
  let done = 0; // workgroups of this step's longest side
  return budget => {
    if (step === steps.length) return null;
    const parts: Part[] = [];
    let work = 0;
    for (; step < steps.length; step++, done = 0) {
      const whole = steps[step] as Step;
      const grid = gridOf(whole, batch);
      const length = Math.max(...grid);
      const side = grid.indexOf(length);
      const along = (value: number, others: (axis: number) => number): Groups =>
        [0, 1, 2].map(axis => (axis === side ? value : others(axis))) as unknown as Groups;
      const each = workOf(whole, batch) / length;
      const rest = length - done;
      const fits = work + rest * each <= budget;
      if (!fits && parts.length > 0) break;
      const least = Math.ceil(length / mostCuts);
      const count = fits ? rest : Math.min(rest, Math.max(1, Math.floor(budget / each / least)) * least);
      parts.push({ step, first: along(done, () => 0), size: along(count, axis => grid[axis] as number) });
      work += count * each;
      done += count;
      if (done < length) break;
    }
    return { parts, work, isLast: step === steps.length };
  };
}
