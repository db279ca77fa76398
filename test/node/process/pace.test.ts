import { expect, test } from "vitest";
import { onceIn } from "../../../src/node/process/pace.ts";

test("says yes once in a while, and not before the first has gone by", () => {
  let now = 100;
  const due = onceIn(10, () => now);
  const said = [100, 109, 110, 111, 119.5, 120, 155, 156, 164, 165].map(at => {
    now = at;
    return due();
  });
  expect(said).toEqual([false, false, true, false, false, true, true, false, false, true]);
});
