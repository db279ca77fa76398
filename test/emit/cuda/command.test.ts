import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { plan } from "../../../src/compile.ts";
import { cudaTarget } from "../../../src/emit/cuda/target.ts";
import { bytesMoved } from "../../../src/plan/cost.ts";
import { cnxc } from "../../support/cli.ts";
import { newFolder } from "../../support/folders.ts";
import { readGolden } from "../../support/golden.ts";
import { goldenRun } from "../../support/golden-run.ts";
import { goldenModel } from "../../support/models.ts";
import { must } from "../../syntax/support.ts";

const batch = { min: 1, max: 256 } as const;

const planned = (size: string) =>
  must(plan({ model: goldenModel(readGolden(`dense/${size}-224x224-b1`)), target: cudaTarget("f16"), batch })).plan;

describe("the CUDA target", () => {
  test.each([
    ["atto", 42],
    ["tiny", 60],
    ["base", 114],
  ] as const)("%s takes %i launches a forward pass", (size, launches) => {
    expect(planned(size).steps.length).toBeLessThanOrEqual(launches);
  });

  /** Design b of the cost model: megabytes of a forward pass of 32 images, 16 bit, each operand once a launch. */
  test.each([
    ["atto", 543],
    ["tiny", 1924],
    ["base", 4166],
  ] as const)("%s moves about the least bytes its launches can", (size, megabytes) => {
    expect(bytesMoved(planned(size), 32) / 1e6 / megabytes).toBeLessThanOrEqual(1.15);
  });
});

test("--torch is refused where no CUDA library is made", async () => {
  const { stderr, code } = await cnxc(["compile", "specs/micro.cnx", "-m", "micro", "-t", "wgsl,onnx", "--torch"]);
  expect(stderr).toContain(
    "--torch makes operators beside a CUDA library, not for wgsl and onnx; leave it out, or give",
  );
  expect(code).toBe(2);
});

describe("--tf32", () => {
  const compile = ["compile", "specs/micro.cnx", "-m", "micro"];
  const run = ["run", "specs/micro.cnx", "-m", "micro", "-w", "random:1", "-i", "x", "--out", "y"];
  test.each([
    ["not bf16; leave it out, or give --dtype f32", [...compile, "-t", "cuda", "--dtype", "bf16"]],
    ["not f16; leave it out, or give --dtype f32", [...compile, "-t", "cuda", "--dtype", "f32,f16"]],
    ["not for wgsl and onnx; leave it out, or give --target cuda", [...compile, "-t", "wgsl,onnx"]],
    ["not f16; leave it out, or give --dtype f32", [...run, "--on", "cuda-cpu", "--dtype", "f16"]],
    ["not on reference; leave it out, or give --on cuda or cuda-cpu", [...run, "--on", "reference"]],
  ])("is refused with what to do instead: %s", async (said, words) => {
    const { stderr, code } = await cnxc([...words, "--tf32"]);
    expect(stderr).toContain(`--tf32 multiplies f32 on CUDA's tensor cores, ${said}`);
    expect(code).toBe(2);
  });

  test("changes products, the header and the packing, and the manifest says it", async () => {
    const made = async (...words: string[]) => {
      const folder = newFolder();
      const { code } = await cnxc([...compile, "-t", "cuda,wgsl", "-o", folder, ...words]);
      expect(code).toBe(0);
      const text = (file: string) => readFileSync(path.join(folder, file), "utf8");
      return { files: readdirSync(path.join(folder, "micro"), { recursive: true, encoding: "utf8" }), text };
    };
    const strict = await made();
    const tf32 = await made("--tf32");
    expect(tf32.files).toEqual(strict.files);
    const changed = strict.files.filter(
      file => /\.\w+$/.test(file) && strict.text(`micro/${file}`) !== tf32.text(`micro/${file}`),
    );
    expect(changed.map(file => file.replace(/(\d\.)+/, "")).sort()).toEqual(
      expect.arrayContaining(["cuda/micro.h", "cuda/pack.cu", "cuda/stages.pwconv1.cu", "cuda/stages.pwconv2.cu"]),
    );
    expect(changed.filter(file => /dwconv|head|pool|downsample_layers\.0|device|wgsl/.test(file))).toEqual([]);
    expect(JSON.parse(tf32.text("cnxc.manifest.json"))).toMatchObject({ specs: [{ options: { tf32: true } }] });
    expect(strict.text("cnxc.manifest.json")).not.toContain("tf32");
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

  test("16-bit storage is refused where there is none", async () => {
    const ran = await cnxc([
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
