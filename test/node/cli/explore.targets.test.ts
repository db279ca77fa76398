import { spawn, spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { written } from "../../explore/support.ts";
import { cliFile } from "../../support/cli-process.ts";
import { newFolder } from "../../support/folders.ts";

const base = "model base { depths [1, 1, 2, 1]  dims [8, 16, 24, 40] }\n";
const sweep = (axes: string): string => `${base}sweep s extends base {\n${axes}\n}\n`;
const tenThousand = sweep(
  "dims[0] in 8..80 step 8\n dims[2] in 24..96 step 8\n depths[0] in 1..10\n depths[2] in 1..10",
);

describe("10,000 variants and more", () => {
  test("10,000 variants within 600 MB", () => {
    const file = written(newFolder(), tenThousand);
    const ran = spawnSync("/usr/bin/time", ["-f", "%M", process.execPath, cliFile, "explore", file], {
      encoding: "utf8",
    });
    if (ran.error) throw ran.error;
    expect(ran.stdout).toContain("10000 points visited, 10000 variants");
    expect(Number(ran.stderr.trim().split("\n").at(-1)) * 1024).toBeLessThan(600e6);
  });

  test("an interrupt leaves the rows that are finished", async () => {
    const file = written(newFolder(), tenThousand.replace("\n}", "\n depths[1] in 1..10\n}"));
    // Nothing says when the first point has been visited, so what came too early is tried again with more patience.
    for (let patience = 1000; ; patience *= 2) {
      const child = spawn(process.execPath, [cliFile, "explore", file, "--csv"]);
      let [stdout, stderr] = ["", ""];
      child.stdout.on("data", part => (stdout += part));
      child.stderr.on("data", part => (stderr += part));
      setTimeout(() => child.kill("SIGINT"), patience);
      const [code, signal] = await new Promise<[number | null, string | null]>(resolve =>
        child.on("close", (...ended) => resolve(ended)),
      );
      const [, visited = "0"] = /interrupted after (\d+) of 100000 variants/.exec(stderr) ?? [];
      if (visited === "0" && (signal === "SIGINT" || code === 130)) continue;
      expect(code).toBe(130);
      expect(stdout.trimEnd().split("\n")).toHaveLength(1 + Number(visited));
      return;
    }
  });
});
