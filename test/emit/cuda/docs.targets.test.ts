import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { cnxc } from "../../support/cli.ts";
import { hasGxx } from "../../support/cuda-tools.ts";
import { fill, newFolder } from "../../support/folders.ts";
import { readGolden } from "../../support/golden.ts";
import { goldenRun } from "../../support/golden-run.ts";

const root = path.resolve(import.meta.dirname, "../../..");
const text = readFileSync(path.join(root, "docs/cuda.md"), "utf8");
const blocks = (language: string): readonly string[] =>
  [...text.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "gs"))].map(([, code = ""]) => code.trim());
const command = (start: string, also = ""): readonly string[] => {
  const found = blocks("sh").find(line => line.startsWith(start) && line.includes(also)) ?? "";
  return found.split(" ").slice(1);
};

test("its compile command makes the files that it lists", async () => {
  const folder = newFolder();
  const words = command("cnxc compile").map(word => (word.startsWith("specs/") ? path.join(root, word) : word));
  expect(await cnxc(words, { cwd: folder })).toMatchObject({ code: 0 });
  const rows = [...text.matchAll(/^\| (`.*?`.*?) +\| /gm)].flatMap(([, names = ""]) => [
    ...names.matchAll(/`([^`]+)`/g),
  ]);
  expect(rows.length).toBeGreaterThan(6);
  for (const [, name = ""] of rows) expect(existsSync(path.join(folder, "out/atto/cuda", name)), name).toBe(true);
});

test("its command for PyTorch makes the folder that it goes to, and the module that it imports", async () => {
  const folder = newFolder();
  const [compile = "", enter = ""] = (blocks("sh").find(block => block.includes("--torch")) ?? "").split("\n");
  const words = compile.split(" ").map(word => (word.startsWith("specs/") ? path.join(root, word) : word));
  expect(await cnxc(words.slice(1), { cwd: folder })).toMatchObject({ code: 0 });
  const [, module = ""] = /from (\w+) import Model/.exec(blocks("python")[0] ?? "") ?? [];
  expect(readFileSync(path.join(folder, enter.replace("cd ", ""), `${module}.py`), "utf8")).toContain("class Model");
});

const strict = ["-Wall", "-Wextra", "-Werror", "-fsyntax-only"];

test.runIf(hasGxx)("its C compiles against the generated headers", async () => {
  const folder = newFolder();
  const words = command("cnxc compile", "--train").map(word =>
    word.startsWith("specs/") ? path.join(root, word) : word,
  );
  expect(await cnxc(words, { cwd: folder })).toMatchObject({ code: 0 });
  const [running = "", training = ""] = blocks("c");
  const shared = "const float *const *parameters, void *workspace, int batch, struct CUstream_st *stream";
  const run = "const float *pixel_values, float *logits";
  const train =
    "void *state, const atto_fcmae_train_treatment *treatments, const float **pixel_values, const float **mask, float *loss, size_t bytes, const float *step, float *norm";
  fill(folder, {
    "page.c": `#include <stdio.h>
#include "atto.h"
#include "atto_fcmae_train.h"
void run(${shared}, ${run}) {\n${running}\n(void)status;\n}
void train(${shared}, ${train}) {\n${training}\n(void)status;\n}
`,
  });
  const headers = [path.join(root, "generated/atto/cuda"), "out/atto_fcmae/cuda/train"].map(header => `-I${header}`);
  const { stderr } = spawnSync("gcc", [...strict, ...headers, "page.c"], { cwd: folder, encoding: "utf8" });
  expect(stderr).toBe("");
});

test.runIf(hasGxx)("its run command's executor runs", async () => {
  expect(command("cnxc run")).toContain("cuda-cpu");
  const { cli } = await goldenRun(readGolden("dense/micro-32x32-b1"), ["--on", "cuda-cpu"]);
  expect(cli.code).toBe(0);
});
