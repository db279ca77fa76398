import { describe, test } from "vitest";
import { cases, check } from "./fcmae.ts";

describe("the interpreter gives PyTorch's numbers of the masked autoencoder", () => {
  test.each(cases.filter((_, i) => i % 4 === 1 || i % 4 === 2))("$file, grn $grn, $loss", async one => check(one));
});
