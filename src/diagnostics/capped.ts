import type { Diagnostic } from "./diagnostic.ts";
import { withNote } from "./messages.ts";

/** Problems told one by one, and names listed in one sentence; the rest is counted. */
export const maxListed = 20;

export function capped(problems: readonly Diagnostic[]): readonly Diagnostic[] {
  const listed = problems.slice(0, maxListed);
  const last = listed.pop();
  if (last === undefined || problems.length <= maxListed) return problems;
  return [...listed, withNote(last, `and ${problems.length - maxListed} more tensors do not fit`)];
}
