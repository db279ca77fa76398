import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { cudaKernel } from "../../../src/emit/cuda/kernels.ts";
import { chooseDepthwise, splitK } from "../../../src/emit/cuda/passes/choose-tiles.ts";
import { finishGrn } from "../../../src/emit/cuda/passes/finish-grn.ts";
import { mergeLinears } from "../../../src/emit/cuda/passes/merge-linears.ts";
import { widenOutputs } from "../../../src/emit/cuda/passes/widen-outputs.ts";
import { cudaPasses } from "../../../src/emit/cuda/target.ts";
import { printSchedule } from "../../../src/plan/print.ts";
import { readSchedule } from "../../../src/plan/read.ts";
import type { SchedulePass } from "../../../src/plan/schedule-pass.ts";
import { untuned } from "../../../src/plan/tiles/tuned-choices.ts";

const cases = new URL("../../cases/cuda-passes/", import.meta.url);
/** Each pass as a build in bf16 has it, where a tuning table speaks of one pair of linears. */
const passes: readonly SchedulePass[] = [
  finishGrn,
  mergeLinears("bf16", new Map([["64x8x32", { rows: 64, warpRows: 16, step: 32 }]])),
  chooseDepthwise(untuned.depthwise),
  splitK("bf16", untuned.products),
  widenOutputs(cudaKernel("bf16")),
];

test("every pass of CUDA has cases, and no file is without a pass", () => {
  const names = passes.map(({ name }) => name);
  expect(cudaPasses("bf16", untuned).map(({ name }) => name)).toEqual(names);
  expect(readdirSync(cases).sort()).toEqual([...names].sort());
  for (const name of names) {
    const files = readdirSync(new URL(`${name}/`, cases)).sort();
    expect(files).toEqual(casesOf(name).flatMap(file => [file.replace(".before", ".after"), file]));
  }
});

function casesOf(name: string): readonly string[] {
  const files = readdirSync(new URL(`${name}/`, cases));
  return files.filter(file => file.endsWith(".before")).sort();
}

describe("before ⟶ after", () => {
  for (const pass of passes) {
    const folder = new URL(`${pass.name}/`, cases);
    test.each(casesOf(pass.name))(`${pass.name}/%s`, async file => {
      const text = readFileSync(new URL(file, folder), "utf8");
      const before = readSchedule(text);
      expect(printSchedule(before), "the case is as it would be printed").toBe(text);
      const after = printSchedule(pass.run(before));
      await expect(after).toMatchFileSnapshot(new URL(file.replace(".before", ".after"), folder).pathname);
    });
  }
});
