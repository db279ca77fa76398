import { existsSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { written } from "../../explore/support.ts";
import { cnxc } from "../../support/cli.ts";
import { newFolder } from "../../support/folders.ts";

const base = "model base { depths [1, 1, 2, 1]  dims [8, 16, 24, 40] }\n";
const sweep = (axes: string): string => `${base}sweep s extends base {\n${axes}\n}\n`;
const small = sweep("dims[0] in 8..64 step 8\n depths[2] in 1..5");
const tenThousand = sweep(
  "dims[0] in 8..80 step 8\n dims[2] in 24..96 step 8\n depths[0] in 1..10\n depths[2] in 1..10",
);
const resultOf = (stdout: string) => JSON.parse(stdout).result;

describe("cnxc explore", () => {
  test("shows every variant of a sweep, its front marked", async () => {
    const { stdout, stderr, code } = await cnxc(["explore", "specs/sweep.cnx"]);
    expect([stderr, code]).toEqual(["", 0]);
    expect(stdout).toContain("9 points visited, 9 variants");
    expect(stdout).toMatch(/^\* +40 +6 +3\.71 M +547 M +0\.\d+ +launches$/m);
  });

  test("docs/explore.md shows what it prints", async () => {
    const text = readFileSync("docs/explore.md", "utf8");
    const [, words = "", shown = ""] = /```sh\ncnxc (.+)\n```\n\n```text\n(.*?)```/s.exec(text) ?? [];
    expect((await cnxc(words.split(" "))).stdout).toBe(shown);
  });

  test("a condition, an order and a number of rows", async () => {
    const ran = await cnxc([
      "explore",
      "specs/sweep.cnx",
      "--where",
      "params<=4M",
      "--sort",
      "macs:max",
      "--top",
      "2",
      "--json",
    ]);
    const { variants, visited, front } = resultOf(ran.stdout);
    expect(visited).toBe(9);
    expect(variants.map(({ values }: { values: unknown }) => values)).toEqual([
      [40, 6],
      [40, 4],
    ]);
    expect(front).toEqual(variants.map(({ index }: { index: number }) => index));
  });

  test("CSV has a line a variant and a column a figure of each setting", async () => {
    const words = [
      "explore",
      "specs/sweep.cnx",
      "--device",
      "h200,swiftshader",
      "--dtype",
      "f32",
      "--batch",
      "1,8",
      "--csv",
    ];
    const [head = "", ...lines] = (await cnxc(words)).stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(9);
    expect(head.split(",")).toContain("latency@h200/b8");
    for (const line of lines) expect(line.split(",")).toHaveLength(head.split(",").length);
  });

  test("a thousand million points are refused before any is made", async () => {
    const axes = [
      "depths[0]",
      "depths[1]",
      "depths[2]",
      "depths[3]",
      "dims[0]",
      "dims[1]",
      "dims[2]",
      "dims[3]",
      "mlp_ratio",
    ];
    const file = written(newFolder(), sweep(axes.map(axis => `${axis} in 1..10`).join("\n")));
    const { stderr, code } = await cnxc(["explore", file]);
    expect([code, stderr]).toEqual([3, expect.stringContaining("1000000000")]);
  });

  test("shards 1 to 7 merged are the bytes of the whole", async () => {
    const folder = newFolder();
    const file = written(folder, small);
    const words = ["--sort", "latency", "--where", "params<=105K", "--top", "9"];
    const parts = [1, 2, 3, 4, 5, 6, 7].map(part => path.join(folder, `part${part}.json`));
    for (const [i, to] of parts.entries())
      writeFileSync(to, (await cnxc(["explore", file, "--shard", `${i + 1}/7`, "--json", ...words])).stdout);
    for (const form of ["--json", "--csv"]) {
      const whole = await cnxc(["explore", file, form, ...words]);
      const merged = await cnxc(["explore", "--merge", ...parts.toReversed(), form]);
      expect([merged.stderr, merged.code]).toEqual(["", 0]);
      expect(merged.stdout).toBe(whole.stdout);
    }
    expect(resultOf((await cnxc(["explore", file, "--json", ...words])).stdout).variants).toHaveLength(9);
    const withSpec = await cnxc(["explore", file, "--merge", ...parts]);
    expect([withSpec.stderr, withSpec.code]).toEqual(["", 0]);
    const elsewhere = await cnxc(["explore", file, "--device", "h200", "--merge", ...parts]);
    expect([elsewhere.code, elsewhere.stderr]).toEqual([2, expect.stringContaining("settings differs")]);
    const missing = await cnxc(["explore", "--merge", ...parts.slice(1)]);
    expect([missing.code, missing.stderr]).toEqual([4, expect.stringContaining("shard 1 of 7 is missing")]);
    const twice = await cnxc(["explore", "--merge", ...parts, parts[0] as string]);
    expect([twice.code, twice.stderr]).toEqual([4, expect.stringContaining("shard 1 of 7 is given twice")]);
    writeFileSync(parts[0] as string, (await cnxc(["explore", file, "--shard", "1/7", "--json"])).stdout);
    const other = await cnxc(["explore", "--merge", ...parts]);
    expect([other.code, other.stderr]).toEqual([4, expect.stringContaining("the parts are not of one exploration")]);
    writeFileSync(parts[0] as string, "{");
    expect((await cnxc(["explore", "--merge", ...parts])).code).toBe(4);
  });

  test("a search gives the same rows again, within its budget, and its front as a spec", async () => {
    const folder = newFolder();
    const file = written(folder, tenThousand);
    const best = path.join(folder, "best.cnx");
    const words = [
      "explore",
      file,
      "--budget",
      "params=200K,latency=0.2ms",
      "--evaluations",
      "200",
      "--seed",
      "3",
      "--json",
    ];
    const [first, second] = [await cnxc([...words, "--emit", best]), await cnxc([...words, "--emit", best])];
    expect(second.stdout).toBe(first.stdout);
    const { variants, front, visited } = resultOf(first.stdout);
    expect(visited).toBe(200);
    expect(front.length).toBeGreaterThan(2);
    for (const { params, estimates } of variants) {
      expect(params).toBeLessThanOrEqual(200e3);
      expect(estimates[0].milliseconds).toBeLessThanOrEqual(0.2);
    }
    const checked = await cnxc(["check", best]);
    expect([checked.stderr, checked.code]).toEqual(["", 0]);
    expect(readFileSync(best, "utf8").match(/^model /gm)).toHaveLength(front.length);
  });

  test("-o writes the report, the rows and the exploration", async () => {
    const folder = path.join(newFolder(), "report");
    const { stderr, code } = await cnxc(["explore", "specs/sweep.cnx", "-o", folder]);
    expect([stderr, code]).toEqual(["", 0]);
    expect(readFileSync(path.join(folder, "report.html"), "utf8")).toContain("Variants of around_atto");
    expect(JSON.parse(readFileSync(path.join(folder, "exploration.json"), "utf8")).variants).toHaveLength(9);
    expect(existsSync(path.join(folder, "rows.csv"))).toBe(true);
  });

  test.each([
    [["specs/convnextv2.cnx"], 2, "declares no sweep"],
    [["specs/sweep.cnx", "--sweep", "around_ato"], 2, "did you mean 'around_atto'?"],
    [["specs/sweep.cnx", "--device", "h20"], 2, "did you mean 'h200'?"],
    [["specs/sweep.cnx", "--device", "m3-max", "--dtype", "bf16"], 2, "has no rates for bf16; it has f32, f16"],
    [["specs/sweep.cnx", "--where", "parms<1M"], 2, "did you mean 'params'?"],
    [["specs/sweep.cnx", "--sort", "latncy"], 2, "no column 'latncy'"],
    [["specs/sweep.cnx", "--budget", "params"], 2, "cannot read 'params'"],
    [["specs/sweep.cnx", "--shard", "9/8"], 2, "it is i/n with i from 1 to n"],
    [["specs/sweep.cnx", "--shard", "1/2", "--budget", "params=5M"], 2, "a search is one run"],
    [["specs/sweep.cnx", "--shard", "1/2", "--emit", "x.cnx"], 2, "a shard has no front"],
    [["specs/sweep.cnx", "--device", "package.json"], 4, "of a device file must be"],
    [[], 2, "give a spec"],
  ] as const)("%j is refused", async (words, expected, why) => {
    const { code, stdout, stderr } = await cnxc(["explore", ...words]);
    expect([code, stdout]).toEqual([expected, ""]);
    expect(stderr).toContain(why);
  });
});
