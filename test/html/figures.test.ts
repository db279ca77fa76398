import { expect, test } from "vitest";
import { bytesText, grouped } from "../../src/html/figures.ts";

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1.0 kB"],
  [99_949, "99.9 kB"],
  [99_999, "100.0 kB"],
  [100_000, "0.1 MB"],
  [149_999, "0.1 MB"],
  [150_000, "0.1 MB"],
  [150_001, "0.2 MB"],
  [2_500_000_000, "2500.0 MB"],
])("%i bytes are %s", (bytes, text) => {
  expect(bytesText(bytes)).toBe(text);
});

test.each([
  [0, "0"],
  [999, "999"],
  [1000, "1,000"],
  [1_204_224, "1,204,224"],
  [-12_345, "-12,345"],
])("%i is %s", (count, text) => {
  expect(grouped(count)).toBe(text);
});
