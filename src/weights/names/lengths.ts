import type { Length } from "./name-rows.ts";
import type { Renamed, RenamedFile } from "./rename.ts";

/** What a file says of the lengths that its tensors share: `dim0`, `hidden2`, `classes`. */
export type Lengths = ReadonlyMap<string, number>;

/** Each length as most tensors have it, so that a wrong tensor is one against many, and not the first against all. */
export function sharedLengths(file: RenamedFile): Lengths {
  const votes = new Map<string, Map<number, number>>();
  const same = aliases(file);
  for (const { known, shape } of file.tensors.values()) {
    shape?.forEach((size, axis) => {
      const length = known.shape[axis];
      if (typeof length !== "string") return;
      const key = same.get(length) ?? length;
      const counts = votes.get(key) ?? new Map<number, number>();
      votes.set(key, counts.set(size, (counts.get(size) ?? 0) + 1));
    });
  }
  const lengths = new Map([...votes].map(([key, counts]) => [key, mostCounted(counts)]));
  for (const [length, key] of same) lengths.set(length, lengths.get(key) ?? 0);
  return lengths;
}

const mostCounted = (counts: ReadonlyMap<number, number>): number =>
  [...counts].reduce((best, next) => (next[1] > best[1] ? next : best))[0];

/** Lengths that stand for others, by what the file has. */
function aliases({ tensors }: RenamedFile): ReadonlyMap<string, string> {
  const stages = [...tensors.keys()].flatMap(name => /^stages\.(\d+)\./.exec(name)?.[1] ?? []);
  const last = `dim${Math.max(0, ...stages.map(Number))}`;
  return new Map([
    ["last", last],
    ["features", tensors.has("pre_logits.fc.weight") ? "hidden" : last],
  ]);
}

/** The official shape that the other tensors of the file make a tensor have. */
export const neededShape = ({ known }: Renamed, lengths: Lengths): readonly number[] =>
  known.shape.map((length: Length) => (typeof length === "number" ? length : (lengths.get(length) ?? 0)));
