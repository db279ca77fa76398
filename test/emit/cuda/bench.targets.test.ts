import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasGxx } from "../../support/cuda-tools.ts";
import { fill } from "../../support/folders.ts";
import { full } from "../../support/full.ts";
import { float32Trace } from "../../support/traces.ts";

const root = path.resolve(import.meta.dirname, "../../..");
const run = (command: string, words: readonly string[], cwd: string): string => {
  const { status, stdout, stderr } = spawnSync(command, words, { cwd, encoding: "utf8" });
  expect(status, `${command} ${words.join(" ")}\n${stderr}`).toBe(0);
  return stdout;
};

/** What run.sh does with nvcc, with g++. */
describe.runIf(hasGxx && full)("the folder for a machine with a GPU, rehearsed on the CPU", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), "cnxc-test-"));
    run("node", [path.join(root, "scripts/bench.mjs"), "cuda", "--prepare", folder], root);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** The lines of a list of builds that begin so. */
  const listed = (file: string, wanted: RegExp) =>
    readFileSync(path.join(folder, file), "utf8")
      .trim()
      .split("\n")
      .map(line => line.split(" "))
      .filter(([label = ""]) => wanted.test(label));

  /** A driver with a build's sources, which checks a file. */
  function built(label: string, driver: string, names: readonly string[]) {
    const sources = path.join(folder, "builds", label);
    const units = readdirSync(sources).filter(file => file.endsWith(".cu") && file !== "run.cu");
    fill(sources, { "all.cpp": [...units, `../../${driver}`].map(file => `#include "${file}"\n`).join("") });
    const flags = ["-std=c++20", "-O1", "-I.", "-I../..", "-fno-strict-aliasing", `-DLABEL="${label}"`, ...names];
    run("g++", [...flags, "all.cpp", "-o", "driver", "-lpthread"], sources);
    return (golden: string) =>
      JSON.parse(run(path.join(sources, "driver"), ["check", `${folder}/golden/${golden}.txt`], sources));
  }

  test("its driver gives PyTorch's numbers, of classifiers and of masked encoders", () => {
    const builds = listed("builds.txt", /^micro.*f32/);
    expect(builds.map(([label = ""]) => label.endsWith("tf32"))).toEqual([false, false, false, false, true]);
    for (const [label = "", prefix = "", goldens = "", , flags = ""] of builds) {
      const check = built(label, "driver.cu", [
        `-DMODEL=${prefix}`,
        `-DHEADER="${prefix}.h"`,
        ...(flags ? [flags] : []),
      ]);
      for (const golden of goldens.split(",")) {
        const found = check(golden);
        expect(found.repeatable, golden).toBe(true);
        const strict = golden.includes("offset") ? 1e-4 : 1e-5;
        expect(found.rel_l2, `${label} ${golden}`).toBeLessThan(label.endsWith("tf32") ? 2e-3 : strict);
      }
    }
  });

  test("its driver of training gives PyTorch's traces, in f32 and nearly so in TF32 and bf16", () => {
    const builds = listed("training.txt", /^micro/);
    expect(builds.map(([label]) => label)).toEqual(
      ["micro_fcmae", "micro"].flatMap(model => ["f32", "tf32", "bf16"].map(dtype => `${model}-${dtype}-train`)),
    );
    for (const [label = "", prefix = "", trainer = "", trace = ""] of builds) {
      const names = [`-DMODEL=${prefix}`, `-DTRAINER=${trainer}`, `-DHEADER="${prefix}.h"`];
      const found = built(label, "train_driver.cu", names)(`train/${trace}`);
      console.info(found);
      expect(found.repeatable, label).toBe(true);
      const limits = label.includes("-f32-") ? float32Trace : { loss: 5e-3, norm: 5e-2, moved: 1e-1 };
      for (const what of ["loss", "norm", "moved"] as const)
        expect(found[what], `${label} ${what}`).toBeLessThan(limits[what]);
    }
  });

  test("its tables are made of what the drivers print", () => {
    const rows = [
      { label: "atto-bf16-train", batch: 64, step_ms: 4, step_graph_ms: 2, backward_ms: 1.5, update_ms: 0.5 },
      { train_peer: "compile", model: "atto", task: "supervised", batch: 64, ms: 6 },
      { label: "micro-f32-train", trace: "finetune-micro", loss: 1e-6, norm: 2e-6, moved: 3e-6, repeatable: true },
    ];
    fill(folder, { "results.jsonl": rows.map(row => `${JSON.stringify(row)}\n`).join("") });
    run("python3", ["table.py", "results.jsonl", "figures.json", ".", "builds"], folder);
    const table = readFileSync(path.join(folder, "table.md"), "utf8");
    expect(table).toContain("| micro-f32-train | finetune-micro | 1.00e-06 | 2.00e-06 | 3.00e-06 | True |");
    expect(table).toMatch(
      /\| atto-bf16-train \| 64 \| 4\.00 \| 2\.00 \| 1\.50 \| 0\.50 \| 32000 \| \d+\.\d\d \| \d+% \| {2}\| 6\.00 \| 3\.00 \|/,
    );
  });
});
