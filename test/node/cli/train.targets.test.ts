import { describe, test } from "vitest";
import { full } from "../../support/full.ts";
import { float32Trace, savedTrace } from "../../support/traces.ts";
import { hasSwiftShader } from "../../support/webgpu-process.ts";
import { checkTrace } from "./train.ts";

// A minute each for pre-training, whose decoder has 512 channels.
describe("cnxc train on the reference gives torch's trace", () => {
  const pretrained = ["pretrain-micro-sample", "pretrain-micro-batch-raw-accumulate2-clip"];
  const minutes = full ? ["finetune-micro-v1", ...pretrained] : [];
  test.each(["finetune-micro-drop-path-clip", ...minutes])(
    "%s",
    file => checkTrace(file, ["--on", "reference"], savedTrace),
    1_200_000,
  );
});

// The others, without a process for each: test/node/executors/webgpu-trainer.targets.test.ts.
describe.runIf(hasSwiftShader && full)("cnxc train on WebGPU gives torch's trace", () => {
  test.each(["finetune-micro-v1", "pretrain-micro-batch-raw-accumulate2-clip"])(
    "%s",
    file => checkTrace(file, ["--on", "webgpu", "--adapter", "swiftshader"], float32Trace),
    1_200_000,
  );
});
