import type { Step } from "./descriptor.ts";
import type { Pace } from "./pace.ts";

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
  /** Milliseconds that it is guessed to take. */
  readonly guessed: number;
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
 * Hands out all steps in order, as many milliseconds of them at a time as is asked for: whole dispatches where they fit,
 * and of one that is too long for any the next rows of its longest side, or a part of one row. Some work is always handed
 * out; null when all of it was.
 */
export function cutter(steps: readonly Step[], batch: number, guess: Pace["guess"]): (budget: number) => Cut | null {
  let step = 0;
  let done = 0; // places of this step, row by row along its longest side
  return budget => {
    if (step === steps.length) return null;
    const parts: Part[] = [];
    let guessed = 0;
    while (step < steps.length) {
      const whole = steps[step] as Step;
      const grid = gridOf(whole, batch);
      const [long, wide] = [0, 1, 2].sort((a, b) => (grid[b] as number) - (grid[a] as number)) as [number, number];
      const [rows, width] = [grid[long] as number, grid[wide] as number];
      const each = guess(whole.kernel, workOf(whole, batch)) / (rows * width);
      const column = done % width;
      const rest = column > 0 ? width - column : rows * width - done;
      const fits = guessed + rest * each <= budget;
      if (!fits && parts.length > 0) break;
      const most = column > 0 ? within(rest, budget / each) : fewer(rows, width, budget / each);
      const count = fits ? rest : Math.min(rest, most);
      const box = (ofLong: number, ofWide: number, ofThird: (axis: number) => number): Groups =>
        [0, 1, 2].map(axis => (axis === long ? ofLong : axis === wide ? ofWide : ofThird(axis))) as unknown as Groups;
      const isRows = column === 0 && count >= width;
      parts.push({
        step,
        first: box(Math.floor(done / width), column, () => 0),
        size: box(isRows ? count / width : 1, isRows ? width : count, axis => grid[axis] as number),
      });
      guessed += count * each;
      done += count;
      if (done < rows * width && !fits) break;
      if (done === rows * width) [step, done] = [step + 1, 0];
    }
    return { parts, guessed, isLast: step === steps.length };
  };
}

/** Places of one row. */
const within = (rest: number, affordable: number): number => Math.min(rest, Math.max(1, Math.floor(affordable)));

/** Some rows, or a part of one. */
function fewer(rows: number, width: number, affordable: number): number {
  const least = Math.ceil(rows / mostCuts);
  const whole = Math.floor(affordable / width / least) * least;
  return whole > 0 ? whole * width : least > 1 ? least * width : within(width, affordable);
}
