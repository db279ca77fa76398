import { createRequire } from "node:module";

/** Of this package, from its package.json. */
export const version: string = (createRequire(import.meta.url)("../../../package.json") as { version: string }).version;

/** Whether one version comes after another, by their three numbers; what is no version comes after none. */
export function isNewer(theirs: string, ours: string): boolean {
  const numbers = (text: string): readonly number[] => text.split(/[.-]/, 3).map(Number);
  const [a, b] = [numbers(theirs), numbers(ours)];
  const at = a.findIndex((n, i) => n !== b[i]);
  return at >= 0 && Number(a[at]) > (b[at] ?? 0);
}
