import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { fitPicture } from "../../src/preprocess/fit.ts";
import { pillowCases } from "./pictures.ts";

test.each(pillowCases())("Pillow's own pixels: $title, to the bit", ({ picture, model, sha256 }) => {
  const fitted = fitPicture(picture, model);
  expect([fitted.width, fitted.height]).toEqual([model.input.width, model.input.height]);
  expect(createHash("sha256").update(fitted.data).digest("hex")).toBe(sha256);
});
