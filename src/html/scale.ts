/** Where numbers lie along an axis. */
export interface Scale {
  readonly isLog: boolean;
  /** 0 at its low end, 1 at its high end. */
  readonly at: (value: number) => number;
  /** Round numbers, in order. */
  readonly ticks: readonly number[];
}

/** From this ratio of the largest to the smallest on, an axis is logarithmic. */
const leastLogRatio = 12;
const padding = 0.05;

/** An axis that holds all of these numbers, logarithmic where they span much. */
export function scaleOf(values: readonly number[], mostTicks = 6): Scale {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return linear(0, 1, mostTicks);
  const isLog = low > 0 && high / low >= leastLogRatio;
  if (isLog) return logarithmic(low / (high / low) ** padding, high * (high / low) ** padding, mostTicks);
  const room = low === high ? Math.abs(low) * 0.1 || 1 : (high - low) * padding;
  return linear(low - room, high + room, mostTicks);
}

/** From one number to another, whatever they are. */
export function linear(low: number, high: number, mostTicks = 6): Scale {
  const step = stepOf((high - low) / mostTicks);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return {
    isLog: false,
    at: value => (value - low) / (high - low),
    ticks: Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => rounded((first + i) * step)),
  };
}

/** Both ends above 0. */
export function logarithmic(low: number, high: number, mostTicks = 6): Scale {
  const [from, to] = [Math.log10(low), Math.log10(high)];
  const within = [[1], [1, 3], [1, 2, 5]]
    .map(steps => powers(from, to).flatMap(power => steps.map(step => rounded(step * 10 ** power))))
    .map(all => all.filter(tick => tick >= low && tick <= high));
  const fitting = within.findLast(ticks => ticks.length <= mostTicks) ?? thinned(within[0] ?? [], mostTicks);
  return {
    isLog: true,
    at: value => (Math.log10(value) - from) / (to - from),
    ticks: fitting.length < 2 ? linear(low, high, mostTicks).ticks : fitting,
  };
}

const powers = (from: number, to: number): readonly number[] =>
  Array.from({ length: Math.floor(to) - Math.floor(from) + 1 }, (_, i) => Math.floor(from) + i);

const thinned = (ticks: readonly number[], most: number): readonly number[] => {
  const every = Math.ceil(ticks.length / most);
  return ticks.filter((_, i) => i % every === 0);
};

/** The least of 1, 2 and 5 times a power of ten that is no less. */
function stepOf(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return (([1, 2, 5].find(step => step * power >= least * (1 - 1e-9)) ?? 10) * power) as number;
}

const rounded = (value: number): number => Number(value.toPrecision(12));
