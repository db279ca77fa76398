import { describe, expect, test } from "vitest";
import { type Layout, type Lifetime, layOut, type Slot, verifyLayout } from "../../src/plan/memory.ts";

const life = (name: string, from: number, to: number, bytes = 256, apart: readonly string[] = []): Lifetime => ({
  name,
  bytes,
  from,
  to,
  apart,
});
const layout = (slots: Readonly<Record<string, Slot<number>>>, arenas: readonly number[]): Layout => ({
  slots: new Map(Object.entries(slots)),
  arenas,
});
const at = (offset: number, arena = 0): Slot<number> => ({ arena, offset });

describe("values are laid out", () => {
  test.each<[string, readonly Lifetime[], Readonly<Record<string, Slot<number>>>, readonly number[]]>([
    [
      "each in an arena of its own while both live",
      [life("a", 0, 1), life("b", 0, 1)],
      { a: at(0), b: at(0, 1) },
      [256, 256],
    ],
    ["in the place of one that is dead", [life("a", 0, 1), life("b", 2, 3)], { a: at(0), b: at(0) }, [256]],
    ["apart from what is read", [life("a", 0, 1), life("b", 2, 3, 256, ["a"])], { a: at(0), b: at(0, 1) }, [256, 256]],
    [
      "by what comes first, whatever their order",
      [life("b", 2, 3), life("c", 0, 1), life("a", 0, 1)],
      { a: at(0), c: at(0, 1), b: at(0) },
      [256, 256],
    ],
    ["in whole steps of the alignment", [life("a", 0, 1, 257)], { a: at(0) }, [512]],
    [
      "where they make the whole grow least: behind one that lives, in an arena that is large enough",
      [life("a", 0, 0, 1024), life("b", 1, 3, 512), life("c", 2, 3, 512)],
      { a: at(0), b: at(0), c: at(512) },
      [1024],
    ],
    [
      "in the first gap that they fit in",
      [
        life("a", 0, 0, 2048),
        life("b", 1, 2, 512),
        life("c", 1, 9, 256),
        life("d", 1, 9, 512),
        life("e", 3, 9, 768),
        life("f", 4, 9, 512),
      ],
      { a: at(0), b: at(0), c: at(512), d: at(768), e: at(1280), f: at(0) },
      [2048],
    ],
  ])("%s", (_, values, slots, arenas) => {
    const made = layOut(values, 256);
    expect(Object.fromEntries(made.slots)).toEqual(slots);
    expect(made.arenas).toEqual(arenas);
    verifyLayout(values, made);
  });
});

describe("a layout that cannot be is refused", () => {
  const two = [life("a", 0, 2), life("b", 1, 3)];
  test.each<[string, readonly Lifetime[], Layout, string]>([
    ["one without a place", two, layout({ a: at(0) }, [512]), "no slot for 'b'"],
    ["one beyond its arena", two, layout({ a: at(0), b: at(257) }, [512]), "'b' ends beyond arena 0"],
    ["one in no arena", two, layout({ a: at(0), b: at(0, 1) }, [512]), "'b' ends beyond arena 1"],
    ["two over each other", two, layout({ a: at(0), b: at(255) }, [512]), "'a' and 'b' share bytes"],
    ["the second before the first", two, layout({ a: at(255), b: at(0) }, [512]), "'a' and 'b' share bytes"],
    ["two in one place", two, layout({ a: at(0), b: at(0) }, [512]), "'a' and 'b' share bytes"],
    [
      "one that begins where another ends its life",
      [life("a", 0, 1), life("b", 1, 3)],
      layout({ a: at(0), b: at(0) }, [512]),
      "'a' and 'b' share bytes",
    ],
    [
      "one beside what it must be apart from",
      [life("a", 0, 2), life("b", 1, 3, 256, ["a"])],
      layout({ a: at(0), b: at(256) }, [512]),
      "'b' shares an arena with 'a'",
    ],
  ])("%s", (_, values, given, message) => {
    expect(() => verifyLayout(values, given)).toThrow(message);
  });

  test.each<[string, readonly Lifetime[], Layout]>([
    ["two that touch", two, layout({ a: at(0), b: at(256) }, [512])],
    ["two that touch the other way round", two, layout({ a: at(256), b: at(0) }, [512])],
    ["one in two arenas' place", two, layout({ a: at(0), b: at(0, 1) }, [256, 256])],
    ["one after the other", [life("a", 0, 1), life("b", 2, 3)], layout({ a: at(0), b: at(0) }, [256])],
    [
      "what it must be apart from has no place, being no scratch",
      [life("b", 1, 3, 256, ["input"])],
      layout({ b: at(0) }, [256]),
    ],
  ])("but not %s", (_, values, given) => {
    expect(() => verifyLayout(values, given)).not.toThrow();
  });
});
