import { describe, test } from "vitest";
import { cases, check } from "./fcmae.ts";

// Of each file and scope one loss; the other: fcmae.targets.test.ts.
describe("the interpreter gives PyTorch's numbers of the masked autoencoder", () => {
  test.each(cases.filter((_, i) => i % 4 === 0 || i % 4 === 3))("$file, grn $grn, $loss", async one => check(one));
});
