import { describe, test } from "vitest";
import { denseGradients, fcmaeGradients } from "../support/gradients.ts";
import { checkGradients, goldenFiles } from "./gradients.ts";

const micro = (kind: string): readonly string[] => goldenFiles(kind).filter(file => !file.startsWith("atto"));

// The other scopes and losses as they are built, and atto: gradients.targets.test.ts.
describe("the interpreter gives PyTorch's gradients", () => {
  test.each(micro("dense-grad"))("of a classifier, %s", file => checkGradients(denseGradients(file), "plain"));
  test.each(micro("dense-grad"))("of a classifier, folded, %s", file => checkGradients(denseGradients(file), "folded"));
  test("of a masked autoencoder", () => checkGradients(fcmaeGradients("micro-128-b2-sample-norm_pix_loss"), "plain"));
  test.each(micro("fcmae-grad"))("of a masked autoencoder, folded, %s", file =>
    checkGradients(fcmaeGradients(file), "folded"),
  );
});
