import { describe, test } from "vitest";
import { cases, check, isQuick } from "./fcmae.ts";

// The smallest file, and one of the larger ones; the others: fcmae.targets.test.ts.
describe("the interpreter gives PyTorch's numbers of the masked autoencoder", () => {
  test.each(cases.filter(isQuick))("$file, grn $grn, $loss", async one => check(one));
});
