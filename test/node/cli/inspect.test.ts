import { existsSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { cnxc } from "../../support/cli.ts";
import { newFolder } from "../../support/folders.ts";

const micro = "specs/micro.cnx";

describe("cnxc info", () => {
  test("shows every model that the spec declares, or those named, in 80 columns without colours", async () => {
    const all = await cnxc(["info", micro]);
    expect([all.stderr, all.code]).toEqual(["", 0]);
    const names = (text: string) => [...text.matchAll(/^(\w+): \d+x\d+x3 to /gm)].map(([, name]) => name);
    expect(names(all.stdout)).toEqual(["micro", "micro_features", "micro_fcmae"]);
    expect(all.stdout).toContain("█");
    expect(all.stdout).not.toContain("\u001b");
    expect(Math.max(...all.stdout.split("\n").map(line => line.length))).toBeLessThanOrEqual(80);
    expect(names((await cnxc(["info", micro, "-m", "micro_fcmae,micro"])).stdout)).toEqual(["micro_fcmae", "micro"]);
  });

  test("gives a program the same figures", async () => {
    const words = ["-m", "micro", "-t", "cuda", "--dtype", "bf16", "--batch", "1..4"];
    const { result, ok } = JSON.parse((await cnxc(["info", micro, ...words, "--json"])).stdout);
    expect(ok).toBe(true);
    const [{ name, target, dtype, batch, total, parts }] = result.models;
    expect({ name, target, dtype, batch }).toEqual({
      name: "micro",
      target: "cuda",
      dtype: "bf16",
      batch: { min: 1, max: 4 },
    });
    expect(parts.map((part: { name: string }) => part.name)).toEqual([
      "stem",
      ...[0, 1, 2, 3].map(i => `stages.${i}`),
      "head",
    ]);
    expect(total.macs).toBe(4 * 828_208);
  });

  test("reads standard input", async () => {
    const { stdout, code } = await cnxc(["info", "-"], { input: "model one { depths [1] dims [8] input 32x32x3 }" });
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^one: 32x32x3 to classifier of 1000\n/)]);
  });

  test.each([
    [["-m", "micr"], 2, "did you mean 'micro'?"],
    [["--dtype", "bf16"], 5, "the wgsl target stores f32 and f16, not bf16"],
    [["-t", "onnx"], 2, "onnx"],
    [["-m", "micro", "--batch", "999999"], 2, "from 1 to 65536"],
    [["--batch", "0"], 2, "batch"],
  ])("%j is refused", async (words, code, said) => {
    const ran = await cnxc(["info", micro, ...words]);
    expect([ran.code, ran.stdout, ran.stderr]).toEqual([code, "", expect.stringContaining(said)]);
  });
});

describe("cnxc inspect", () => {
  test("prints passes, kernels and memory, and writes a page instead where it is asked for", async () => {
    const text = await cnxc(["inspect", micro, "-m", "micro"]);
    expect([text.stderr, text.code]).toEqual(["", 0]);
    for (const said of [
      "split-grn: 15 added",
      "stages.0.0.pwconv1     gemm",
      "Scratch memory of one image, in 4 arenas",
    ])
      expect(text.stdout).toContain(said);
    const page = path.join(newFolder(), "micro.html");
    const wrote = await cnxc(["inspect", micro, "-m", "micro", "-o", page]);
    expect([wrote.stdout, wrote.stderr, wrote.code]).toEqual(["", "", 0]);
    expect(readFileSync(page, "utf8")).toContain("<title>micro, inspected</title>");
    const both = await cnxc(["inspect", micro, "-m", "micro", "-o", page, "--text"]);
    expect(both.stdout).toBe(text.stdout);
  });

  test.each([
    ["--mermaid", /^flowchart TD\n/],
    ["--dot", /^digraph "micro_fcmae" \{\n/],
  ])("%s prints the final graph", async (flag, start) => {
    const { stdout, code } = await cnxc(["inspect", micro, "-m", "micro_fcmae", "-t", "cuda", flag]);
    expect(code).toBe(0);
    expect(stdout).toMatch(start);
    expect(stdout).toContain("siteDepthwise stages.0.0.dwconv");
  });

  test("--sites decides for an fcmae encoder", async () => {
    const { stdout } = await cnxc(["inspect", micro, "-m", "micro_fcmae", "--sites", "masked"]);
    expect(stdout).not.toContain("siteDepthwise");
    expect(stdout).toContain("stage of 32 rows: masked");
  });

  test("gives a program passes, runs, kernels and memory", async () => {
    const { result } = JSON.parse((await cnxc(["inspect", micro, "-m", "micro", "--json"])).stdout);
    const { passes, runs, kernels, memory, summary } = result;
    expect(passes.map(({ pass }: { pass: string }) => pass).slice(1, 3)).toEqual(["split-conv", "split-grn"]);
    expect(runs.length).toBe(summary.total.kernels);
    for (const { kernel } of runs) expect(kernels[kernel].code).toContain("@compute");
    expect(memory.buffers.length).toBeGreaterThan(10);
  });

  test.each([
    [[], 2, "name one model with --model: micro, micro_features, micro_fcmae"],
    [["-m", "micro", "--dot", "--mermaid"], 2, "cannot be used with"],
    [["-m", "micro", "--text", "--dot"], 2, "cannot be used with"],
    [["-m", "micro", "--dtype", "bf16"], 5, "stores f32 and f16"],
  ])("%j is refused, and nothing is written", async (words, code, said) => {
    const page = path.join(newFolder(), "page.html");
    const ran = await cnxc(["inspect", micro, ...words, "-o", page]);
    expect([ran.code, ran.stdout, ran.stderr]).toEqual([code, "", expect.stringContaining(said)]);
    expect(existsSync(page)).toBe(false);
  });

  test("a page that cannot be written is an error", async () => {
    const ran = await cnxc(["inspect", micro, "-m", "micro", "-o", path.join(newFolder(), "none/page.html")]);
    expect(ran.code).toBe(6);
  });
});
