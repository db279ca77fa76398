import { describe, test } from "vitest";
import { full } from "../support/full.ts";
import { denseGradients, fcmaeGradients } from "../support/gradients.ts";
import { checkGradients, goldenFiles } from "./gradients.ts";

describe("the interpreter gives PyTorch's gradients", () => {
  test.runIf(full)("of a classifier, atto", () => checkGradients(denseGradients("atto-96x160-b1"), "folded"));
  const whole = goldenFiles("fcmae-grad").filter(file => /micro.*batch-raw/.test(file) || (full && /micro/.test(file)));
  test.each(whole)("of a masked autoencoder on whole maps, %s", file => checkGradients(fcmaeGradients(file), "plain"));
  test.runIf(full).each(goldenFiles("fcmae-grad").filter(file => file.startsWith("atto")))(
    "of a masked autoencoder, %s",
    file => checkGradients(fcmaeGradients(file), "folded"),
  );
});
