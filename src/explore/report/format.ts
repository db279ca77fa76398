import type { Cell, Column, Unit } from "./columns.ts";

interface Prefix {
  readonly sign: string;
  readonly scale: number;
}

const prefixes: readonly Prefix[] = [
  { sign: "T", scale: 1e12 },
  { sign: "G", scale: 1e9 },
  { sign: "M", scale: 1e6 },
  { sign: "k", scale: 1e3 },
  { sign: "", scale: 1 },
];
const none: Prefix = { sign: "", scale: 1 };

/** What numbers as large as this one are told in. Milliseconds and images a second stay what they are. */
const prefixOf = (value: number, unit: Unit): Prefix =>
  unit === "" || unit === "B" ? (prefixes.find(({ scale }) => Math.abs(value) >= 0.9995 * scale) ?? none) : none;

/** Decimals that leave so many significant digits of a number. */
const decimalsFor = (value: number, digits: number): number =>
  value === 0 ? 0 : Math.min(6, Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(value)) + 1e-9)));

const minus = (text: string): string => text.replace("-", "−");

/** To so many significant digits, never with an exponent. */
export const digits = (value: number, count = 3): string =>
  minus(value.toFixed(decimalsFor(Number(value.toPrecision(count)), count)));

/** `3.71 M`, `12.3 MB`, `0.52 ms`: a number alone. */
export function amount(value: number, unit: Unit | "MAC" | "MAC/s" | "B/s"): string {
  const isRate = unit === "MAC" || unit === "MAC/s" || unit === "B/s";
  const { sign, scale } = prefixOf(value, isRate ? "" : unit);
  const isCount = scale === 1 && (unit === "" || unit === "B") && Number.isInteger(value);
  const number = isCount ? minus(`${value}`) : digits(value / scale);
  return `${number} ${sign}${unit}`.trim();
}

/** Numbers of a column, told alike so that they compare at a glance: the largest decides about prefix and decimals. */
export interface ColumnFormat {
  /** What every number is in: `M`, `MB`, `ms`; "" where it is none. */
  readonly unit: string;
  readonly text: (cell: Cell) => string;
  /** A round number in the same unit, with no more digits than it has. */
  readonly round: (value: number) => string;
}

/** Counts below this are told whole. */
const largestPlain = 10_000;

export function formatOf({ unit }: Pick<Column, "unit">, cells: readonly Cell[]): ColumnFormat {
  const numbers = cells.filter(cell => typeof cell === "number");
  if (unit === "text") return { unit: "", text: cell => (cell === null ? "–" : `${cell}`), round: value => `${value}` };
  const largest = numbers.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const isPlain = unit === "" && largest < largestPlain;
  const { sign, scale } = isPlain ? none : prefixOf(largest, unit);
  const isWhole = scale === 1 && numbers.every(Number.isInteger);
  const isFine = isPlain && largest < 1;
  const decimals = isWhole ? 0 : decimalsFor(largest / scale, 4);
  return {
    unit: `${sign}${unit}`,
    text: cell => {
      if (typeof cell !== "number") return "–";
      return minus(isFine ? `${cell}` : (cell / scale).toFixed(decimals));
    },
    round: value => minus(`${Number((value / scale).toPrecision(6))}`),
  };
}

/** Times told alike: in milliseconds, or in microseconds where all are shorter. */
export function durationsOf(seconds: readonly number[]): {
  readonly unit: string;
  readonly text: (seconds: number) => string;
} {
  const longest = Math.max(...seconds, 0);
  const [unit, scale] = longest >= 1e-3 ? ["ms", 1e3] : ["µs", 1e6];
  const decimals = decimalsFor(longest * scale, 4);
  return { unit, text: time => (time * scale).toFixed(decimals) };
}

/** One cell alone, with its unit. */
export const cellText = ({ unit }: Column, cell: Cell): string =>
  typeof cell === "number" && unit !== "text" ? amount(cell, unit) : cell === null ? "–" : `${cell}`;

/** `+12.3%`: what the second is more than the first; null where the first is nothing. */
export function change(from: number, to: number): string | null {
  if (from === 0) return null;
  const percent = 100 * (to / from - 1);
  const text = Math.abs(percent) >= 1000 ? `${Math.round(percent)}` : percent.toFixed(1);
  return Number(text) === 0 ? "0%" : minus(`${percent > 0 ? "+" : ""}${text}%`);
}

export const share = (part: number, whole: number): string => {
  const percent = whole === 0 ? 0 : (100 * part) / whole;
  return percent > 0 && percent < 1 ? "<1%" : `${Math.round(percent)}%`;
};
