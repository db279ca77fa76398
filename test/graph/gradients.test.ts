import { describe, test } from "vitest";
import { denseGradients, fcmaeGradients } from "../support/gradients.ts";
import { checkGradients, goldenFiles } from "./gradients.ts";

// Atto, and masked autoencoders on whole maps: gradients.targets.test.ts.
describe("the interpreter gives PyTorch's gradients", () => {
  const dense = goldenFiles("dense-grad").filter(file => !file.startsWith("atto"));
  test.each(dense)("of a classifier, folded, %s", file => checkGradients(denseGradients(file), "folded"));
  test.each(dense.filter(file => /micro-64x64|v1|mlp2|three/.test(file)))("of a classifier as it is built, %s", file =>
    checkGradients(denseGradients(file), "plain"),
  );
  const masked = goldenFiles("fcmae-grad").filter(file => /micro.*(sample-norm|batch-raw)/.test(file));
  test.each(masked)("of a masked autoencoder, folded, %s", file => checkGradients(fcmaeGradients(file), "folded"));
});
