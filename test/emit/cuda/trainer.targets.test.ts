import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { analyse } from "../../../src/compile.ts";
import { ok } from "../../../src/diagnostics/diagnostic.ts";
import type { Model, Recipe } from "../../../src/model/model.ts";
import { referenceTrainer } from "../../../src/node/executors/reference-trainer.ts";
import type { TrainerRequest } from "../../../src/node/executors/trainer.ts";
import { paramsOf } from "../../../src/node/inputs/open-weights.ts";
import { learnedBy } from "../../../src/training/learned.ts";
import { randomWeights } from "../../../src/weights/made/random.ts";
import { cnxc } from "../../support/cli.ts";
import { hasGxx, torch } from "../../support/cuda-tools.ts";
import { fill } from "../../support/folders.ts";
import { must } from "../../syntax/support.ts";

const spec = `
model small {
  depths [1, 6]  dims [8, 12]  input 16x16x3  stem patch 2  kernel_size 3
  head classifier { classes 3 }
}
train learn {
  model small  batch 4  steps 3
  optimizer adamw { lr 1e-2  per 4  betas [0.9, 0.95]  weight_decay 0.1 }
}
`;

/** The model and its recipe, from the weights that compile was given. */
function request(): TrainerRequest {
  const { program } = must(analyse({ name: "s.cnx", text: spec }, name => ok({ name, text: "" })));
  const [model, recipe] = [program.models.get("small") as Model, program.recipes.get("learn") as Recipe];
  const params = learnedBy(recipe, model, must(paramsOf(model)));
  const weights = randomWeights(4, params);
  return { model, recipe, params, start: async (kind, name) => (kind === "param" ? weights.f32(name) : null) };
}

/** What a person at a shell would run; it must say nothing on standard error. */
function quietly(folder: string, command: string, ...words: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, words, { cwd: folder, encoding: "utf8" });
  expect([status, stderr], `${command} ${words.join(" ")}`).toEqual([0, ""]);
  return stdout;
}

describe.runIf(hasGxx)("compile --train for CUDA", () => {
  let at = "";
  let folder = "";
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "cnxc-test-"));
    fill(folder, { "s.cnx": spec });
    const words = ["compile", "s.cnx", "-t", "cuda", "--train", "learn", "-w", "random:4", "-o", "out"];
    expect((await cnxc(words, { cwd: folder })).code).toBe(0);
    at = path.join(folder, "out/small/cuda/train");
    const units = readdirSync(at).filter(file => file.endsWith(".cu") && file !== "run.cu");
    fill(at, { "all.cpp": units.map(file => `#include "${file}"\n`).join("") });
    const strict = ["-Wall", "-Wextra", "-Werror"];
    const all = ["-std=c++20", "-O1", "-fno-strict-aliasing", "-fPIC", "-shared", "-pthread", "all.cpp"];
    quietly(at, "g++", ...all, "-o", "libsmall.so");
    const example = ["-std=c11", "-pedantic", "-fsanitize=undefined", "-DCNXC_CPU", "example.c"];
    quietly(at, "gcc", ...strict, ...example, "-L.", "-lsmall", "-Wl,-rpath,.", "-o", "example");
  });

  test("example.c learns as the reference does, and says what is missing", async () => {
    const images = Float32Array.from({ length: 4 * 768 }, (_, i) => Math.sin(0.37 * i));
    const targets = Float32Array.from({ length: 12 }, (_, i) => (i % 3 === Math.floor(i / 3) % 3 ? 1 : 0));
    writeFileSync(path.join(at, "images.bin"), new Uint8Array(images.buffer));
    writeFileSync(path.join(at, "targets.bin"), new Uint8Array(targets.buffer));
    const lines = quietly(at, "./example", "3", "weights.bin", "images.bin", "targets.bin").trim().split("\n");
    const found = lines.map(line => line.split(" ").map(Number));

    const trainer = must(await referenceTrainer(request()));
    const inputs = new Map([
      ["pixel_values", { shape: [4, 3, 16, 16], data: images }],
      ["targets", { shape: [4, 3], data: targets }],
    ]);
    for (const [n, loss, norm] of found as [number, number, number][]) {
      expect(loss / (await trainer.accumulate(inputs, 1))).toBeCloseTo(1, 5);
      expect(norm / (await trainer.update({ lr: 1e-2, n })).gradNorm).toBeCloseTo(1, 4);
    }
    expect(found.length).toBe(3);

    const { status, stderr } = spawnSync("./example", ["1", "weights.bin", "images.bin", "nowhere.bin"], {
      cwd: at,
      encoding: "utf8",
    });
    expect([status, stderr]).toEqual([1, "nowhere.bin does not hold 12 values\n"]);
  });

  test.runIf(torch !== null)("its functions, from Python", () => {
    fill(at, { "trainer.py": readFileSync(path.join(import.meta.dirname, "trainer.py"), "utf8") });
    const said = JSON.parse(quietly(at, torch?.python ?? "", "trainer.py"));
    expect(said.problems).toEqual({
      "no state": "a pointer that must not be NULL is NULL",
      "state not aligned": "the state is not aligned to 256 bytes",
      "no batch": "the batch is not 1 to 4, for which this library was built",
      "short workspace": "the workspace is smaller than small_train_workspace_size says, or not aligned to 256 bytes",
      "workspace not aligned":
        "the workspace is smaller than small_train_workspace_size says, or not aligned to 256 bytes",
      "no such parameter": "there is no such parameter, or nothing of that kind is kept of it",
      "no average is kept": "there is no such parameter, or nothing of that kind is kept of it",
      "no such kind": "there is no such parameter, or nothing of that kind is kept of it",
      "nothing to write": "a pointer that must not be NULL is NULL",
      "no step": "a pointer that must not be NULL is NULL",
    });
    // Micro-batches of other sizes add up to the whole batch; the same call gives the same bits.
    expect(said.accumulated).toBeLessThan(1e-6);
    expect(said.meanLoss).toBeLessThan(1e-6);
    expect(said.again).toBe(true);
    // Side by side, each at a multiple of 64, zeros between them.
    const places: readonly [number, number][] = said.places;
    const inOrder = places.toSorted(([a], [b]) => a - b);
    for (const [i, [place]] of inOrder.entries()) {
      const [before = 0, size = 0] = inOrder[i - 1] ?? [];
      expect([place % 64, place]).toEqual([0, Math.ceil((before + size) / 64) * 64]);
    }
    expect(said.between).toBe(0);
    const names = said.segments.map(([name]: [string]) => name);
    expect(names).toEqual(["head", "stages.1, second half", "stages.1, first half", "stages.0"]);
    let end = 0;
    for (const [, place, size] of said.segments as [string, number, number][]) {
      expect(place).toBe(end);
      end += size;
    }
    expect(end).toBe(said.shelf);
    expect(said).toMatchObject({ settled: true, afterNull: 0, unchanged: true, skipped: 0 });
    expect(said.clipped[0] / said.norm).toBeCloseTo(1, 6);
    expect(said.clipped[1] / (0.5 / (said.norm + 1e-6))).toBeCloseTo(1, 5);
  });
});
