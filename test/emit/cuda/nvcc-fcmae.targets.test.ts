import { spawnSync } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { cnxc } from "../../support/cli.ts";
import { hasNvcc } from "../../support/cuda-tools.ts";
import { newFolder } from "../../support/folders.ts";
import { full } from "../../support/full.ts";

const spec = path.resolve(import.meta.dirname, "../../../specs/fcmae.cnx");
const cases = (["f32", "f16", "bf16"] as const).flatMap(dtype =>
  (["compact", "masked"] as const).flatMap(sites => ["1", "1..64"].map(batch => ({ dtype, sites, batch }))),
);

describe.runIf(hasNvcc && full)("nvcc compiles the masked autoencoder for sm_80 and sm_90", () => {
  test.each(cases)(
    "$dtype, $sites, batch $batch: without a warning, a spill or a stack",
    async ({ dtype, sites, batch }) => {
      const out = newFolder();
      const words = ["-m", "atto_fcmae", "-t", "cuda", "--dtype", dtype, "--sites", sites, "--batch", batch, "-o", out];
      expect((await cnxc(["compile", spec, ...words])).code).toBe(0);
      const folder = path.join(out, "atto_fcmae/cuda");
      const sources = readdirSync(folder).filter(name => name.endsWith(".cu"));
      writeFileSync(path.join(folder, "all.cu"), sources.map(name => `#include "${name}"\n`).join(""));
      const targets = [80, 90].flatMap(of => ["-gencode", `arch=compute_${of},code=sm_${of}`]);
      const { status, stderr, stdout } = spawnSync(
        "nvcc",
        ["-std=c++17", "-O3", ...targets, "-Xptxas", "-v", "-c", "all.cu", "-o", "all.o"],
        { cwd: folder, encoding: "utf8" },
      );
      const said = `${stdout}${stderr}`;
      expect(said.split("\n").filter(line => /warning|error/.test(line))).toEqual([]);
      expect(status).toBe(0);
      const stacks = said.split("\n").filter(line => line.includes("bytes stack frame"));
      expect(stacks.length).toBeGreaterThan(40);
      expect(
        stacks.filter(line => !/ 0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads/.test(line)),
      ).toEqual([]);
    },
  );
});
