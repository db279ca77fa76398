import type { Length } from "./name-rows.ts";
import type { Renamed, RenamedFile } from "./rename.ts";

/** What a file says of the lengths that its tensors share: `dim0`, `hidden2`, `classes`. */
export type Lengths = ReadonlyMap<string, number>;

/** Each length as most tensors have it, so that a wrong tensor is one against many, and not the first against all. */
export function sharedLengths(file: RenamedFile): Lengths {
  const votes = new Map<string, Map<number, number>>();
  const last = lastDim(file);
  for (const { known, shape } of file.tensors.values()) {
    shape?.forEach((size, axis) => {
      const length = known.shape[axis];
      if (typeof length !== "string") return;
      const key = length === "last" ? last : length;
      const counts = votes.get(key) ?? new Map<number, number>();
      votes.set(key, counts.set(size, (counts.get(size) ?? 0) + 1));
    });
  }
  const lengths = new Map([...votes].map(([key, counts]) => [key, mostCounted(counts)]));
  return lengths.set("last", lengths.get(last) ?? 0);
}

const mostCounted = (counts: ReadonlyMap<number, number>): number =>
  [...counts].reduce((best, next) => (next[1] > best[1] ? next : best))[0];

/** The name of the length that `last` stands for. */
function lastDim({ tensors }: RenamedFile): string {
  const stages = [...tensors.keys()].flatMap(name => /^stages\.(\d+)\./.exec(name)?.[1] ?? []);
  return `dim${Math.max(0, ...stages.map(Number))}`;
}

/** The official shape that the other tensors of the file make a tensor have. */
export const neededShape = ({ known }: Renamed, lengths: Lengths): readonly number[] =>
  known.shape.map((length: Length) => (typeof length === "number" ? length : (lengths.get(length) ?? 0)));
