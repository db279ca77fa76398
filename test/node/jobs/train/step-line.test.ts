import { expect, test } from "vitest";
import { plainStepLine, type Standing, stepLine } from "../../../../src/node/jobs/train/step-line.ts";
import { hoursText } from "../../../../src/node/process/pace.ts";

const standing: Standing = {
  step: 1234,
  steps: 8000,
  stepsPerEpoch: 100,
  lr: 1.5e-4,
  loss: 0.732149,
  gradNorm: 0.12345,
  imagesPerSecond: 152.4,
  secondsLeft: 4981,
};

test("a terminal has one line of at most 79 characters", () => {
  expect(stepLine(standing)).toBe("epoch 13/80 [##--------------] 15.4% 152 images/s loss 0.73215 1:24 left");
  const long = { ...standing, step: 799_999, steps: 800_000, stepsPerEpoch: 1000, secondsLeft: 360_000 };
  expect(stepLine(long).length).toBeLessThan(80);
  expect(stepLine({ ...standing, stepsPerEpoch: null, imagesPerSecond: 1.25 })).toMatch(
    /^step 1234\/8000 \[.* 1\.25 images\/s /,
  );
});

test("a pipe has all there is to say", () => {
  expect(plainStepLine(standing)).toBe(
    "step 1234 of 8000  epoch 13 of 80  loss 0.73215  |g| 0.123  lr 1.5e-4  152 images/s  1:24 left",
  );
  expect(plainStepLine({ ...standing, stepsPerEpoch: null })).not.toContain("epoch");
});

test("an epoch ends with its last step", () => {
  const epochAt = (step: number) => stepLine({ ...standing, step }).split(" ")[1];
  expect([1, 100, 101, 8000].map(epochAt)).toEqual(["1/80", "1/80", "2/80", "80/80"]);
  expect(stepLine({ ...standing, step: 8000 })).toContain("[################] 100.0%");
});

test.each([
  [0, "0 s"],
  [59, "59 s"],
  [59.5, "60 s"],
  [60, "0:01"],
  [61, "0:02"],
  [3600, "1:00"],
  [3601, "1:01"],
  [360_000, "100:00"],
])("%f seconds are %s", (seconds, text) => {
  expect(hoursText(seconds)).toBe(text);
});
