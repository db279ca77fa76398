import { expect, test } from "vitest";
import { endErrors, float64Trace, traceErrors } from "../../support/traces.ts";
import { trained } from "./traces.ts";

// The others through the command: test/node/cli/train.test.ts and train.targets.test.ts.
test("the reference learns as torch does, where nothing of the trace is rounded: hard labels, no drop path", async () => {
  const { trace, log, endOf } = await trained("finetune-micro-v1");
  const { loss, norm } = traceErrors(trace, log);
  expect(loss).toBeLessThan(1e-10);
  expect(norm).toBeLessThan(1e-10);
  const { samples, ...norms } = endErrors(trace, endOf);
  expect(Math.max(...Object.values(norms))).toBeLessThan(1e-10);
  expect(samples).toBeLessThan(float64Trace.samples);
});
