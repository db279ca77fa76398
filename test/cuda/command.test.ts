import { mkdirSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { lower } from "../../src/compile.ts";
import { cudaTarget } from "../../src/emit/cuda/cuda.ts";
import { cudaProgram, launchCost } from "../../src/emit/cuda/program.ts";
import { cnxc } from "../support/cli.ts";
import { newFolder } from "../support/folders.ts";
import { readGolden } from "../support/golden.ts";
import { goldenRun } from "../support/golden-run.ts";
import { goldenModel } from "../support/models.ts";

const context = {
  weights: null,
  specHash: "",
  specName: "",
  version: "",
  onnx: { opset: 20, layout: "plain" },
} as const;
const batch = { min: 1, max: 256 } as const;

describe("the CUDA target", () => {
  test.each([
    ["atto", 42],
    ["tiny", 60],
    ["base", 114],
  ] as const)("%s takes %i launches a forward pass", (size, launches) => {
    const unit = lower({
      model: goldenModel(readGolden(`dense/${size}-224x224-b1`)),
      target: cudaTarget("f16"),
      batch,
      taps: [],
      context,
    });
    if (!unit.ok || unit.value.plan === null) throw new Error("it does not compile");
    expect(cudaProgram(unit.value.plan, "f16").launches.length).toBeLessThanOrEqual(launches);
  });

  /** Design b of the cost model: megabytes of a forward pass of 32 images, 16 bit, each operand once a launch. */
  test.each([
    ["atto", 543],
    ["tiny", 1924],
    ["base", 4166],
  ] as const)("%s moves about the least bytes its launches can", (size, megabytes) => {
    const unit = lower({
      model: goldenModel(readGolden(`dense/${size}-224x224-b1`)),
      target: cudaTarget("f16"),
      batch,
      taps: [],
      context,
    });
    if (!unit.ok || unit.value.plan === null) throw new Error("it does not compile");
    const program = cudaProgram(unit.value.plan, "f16");
    const bytes = program.launches.reduce((sum, launch) => {
      const { fixed, each } = launchCost(program, launch);
      return sum + fixed + 32 * each;
    }, 0);
    expect(bytes / 1e6 / megabytes).toBeLessThanOrEqual(1.15);
  });
});

describe("`cnxc run` without a compiler or with a wrong option", () => {
  const empty = () => {
    const folder = path.join(newFolder(), "bin");
    mkdirSync(folder);
    return { PATH: folder };
  };
  test.each([
    ["cuda-cpu", "g++"],
    ["cuda", "nvcc"],
  ])("--on %s says what to install", async (executor, tool) => {
    const { cli } = await goldenRun(readGolden("dense/micro-32x32-b1"), ["--on", executor], { env: empty() });
    expect(cli.stderr).toContain(`the compiler ${tool}, which is not installed; install`);
    expect(cli.code).toBe(5);
  });

  test("16-bit storage is refused where there is none", () => {
    const ran = cnxc([
      "run",
      "specs/micro.cnx",
      "-m",
      "micro",
      "--on",
      "reference",
      "--dtype",
      "bf16",
      "-w",
      "random:1",
      "-i",
      "x",
      "--out",
      "y",
    ]);
    expect(ran.stderr).toContain("--dtype is 'bf16', expected f32 on reference");
    expect(ran.code).toBe(2);
  });
});
