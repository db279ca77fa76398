import { describe, test } from "vitest";
import { cases, check, isQuick } from "./fcmae.ts";

describe("the interpreter gives PyTorch's numbers of the masked autoencoder", () => {
  test.each(cases.filter(one => !isQuick(one)))("$file, grn $grn, $loss", async one => check(one));
});
