import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { hasGxx } from "../../support/cuda-tools.ts";
import { fill, newFolder } from "../../support/folders.ts";
import { full } from "../../support/full.ts";

const root = path.resolve(import.meta.dirname, "../../..");
const run = (command: string, words: readonly string[], cwd: string): string => {
  const { status, stdout, stderr } = spawnSync(command, words, { cwd, encoding: "utf8" });
  expect(status, `${command} ${words.join(" ")}\n${stderr}`).toBe(0);
  return stdout;
};

/** What run.sh does with nvcc, with g++. */
describe.runIf(hasGxx && full)("the folder for a machine with a GPU, rehearsed on the CPU", () => {
  test("its driver gives PyTorch's numbers, of classifiers and of masked encoders", () => {
    const folder = newFolder();
    run("node", [path.join(root, "scripts/bench.mjs"), "cuda", "--prepare", folder], root);
    const builds = readFileSync(path.join(folder, "builds.txt"), "utf8")
      .trim()
      .split("\n")
      .map(line => line.split(" "))
      .filter(([label = ""]) => /^micro.*f32/.test(label));
    expect(builds.map(([label = ""]) => label.endsWith("tf32"))).toEqual([false, false, false, false, true]);
    for (const [label = "", prefix = "", goldens = "", , flags = ""] of builds) {
      const sources = path.join(folder, "builds", label);
      const units = readdirSync(sources).filter(file => file.endsWith(".cu") && file !== "run.cu");
      const text = [...units, "../../driver.cu"].map(file => `#include "${file}"\n`);
      fill(sources, { "all.cpp": text.join("") });
      const names = [`-DMODEL=${prefix}`, `-DHEADER="${prefix}.h"`, `-DLABEL="${label}"`, ...(flags ? [flags] : [])];
      run(
        "g++",
        ["-std=c++20", "-O1", "-I.", "-fno-strict-aliasing", ...names, "all.cpp", "-o", "driver", "-lpthread"],
        sources,
      );
      for (const golden of goldens.split(",")) {
        const found = JSON.parse(
          run(path.join(sources, "driver"), ["check", `${folder}/golden/${golden}.txt`], sources),
        );
        expect(found.repeatable, golden).toBe(true);
        const strict = golden.includes("offset") ? 1e-4 : 1e-5;
        expect(found.rel_l2, `${label} ${golden}`).toBeLessThan(label.endsWith("tf32") ? 2e-3 : strict);
      }
    }
  });
});
