import type { Unit } from "./figures.ts";

const scales: Readonly<Record<string, number>> = {
  "": 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
};
const times: Readonly<Record<string, number>> = { "": 1, us: 1e-3, ms: 1, s: 1e3 };

/** `5M`, `12.5MiB`, `2ms`: a number in the unit of its column, prefixes in small letters or large; null where it is none. */
export function quantity(text: string, unit: Unit): number | null {
  const [, number, suffix = ""] = /^(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)([a-z]*)$/i.exec(text.trim()) ?? [];
  const scale = (unit === "ms" ? times : scales)[suffix.toLowerCase()];
  return number === undefined || scale === undefined ? null : Number(number) * scale;
}
