import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { cliFile } from "../../../support/cli-process.ts";
import { fill, newFolder, snapshot } from "../../../support/folders.ts";
import { full } from "../../../support/full.ts";
import { canWatch, watchedLibrary } from "../../../support/watched.ts";
import { drawBatches } from "../../cli/train.ts";

let watched = "";
beforeAll(async () => {
  if (canWatch) watched = await watchedLibrary();
});

const spec = `model m { depths [1]  dims [4]  input 8x8x3  head classifier { classes 3 } }

train t { model m  batch 1  steps 4  ema 0.9  schedule cosine { warmup 1 } }
`;

/** A process that trains. `stop` sends it a signal when it has said so. */
function train(
  cwd: string,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
  stop: { readonly at: string; readonly signal: NodeJS.Signals } | null = null,
) {
  const all = [
    cliFile,
    "train",
    "t.cnx",
    "--on",
    "reference",
    "--batches",
    "b.safetensors",
    "-o",
    "OUT",
    "--save-every",
    "1",
    ...words,
  ];
  const child = spawn(process.execPath, all, {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1", ...env },
  });
  let [said, sent] = ["", false];
  const hear = (part: Buffer) => {
    said += part;
    if (stop === null || sent || !said.includes(stop.at)) return;
    sent = true;
    child.kill(stop.signal);
  };
  child.stdout.on("data", hear);
  child.stderr.on("data", hear);
  return new Promise<{ readonly code: number | null; readonly killed: boolean; readonly said: string }>(resolve =>
    child.on("close", (code, signal) => resolve({ code, killed: signal === "SIGKILL", said })),
  );
}

async function place(steps: number): Promise<string> {
  const folder = newFolder();
  fill(folder, { "t.cnx": spec.replace("steps 4", `steps ${steps}`) });
  await drawBatches(path.join(folder, "b.safetensors"), { pixel_values: [1, 3, 8, 8], targets: [1, 3] }, steps);
  return folder;
}

const runOf = (folder: string) => snapshot(path.join(folder, "OUT"));

describe.skipIf(!canWatch)("a run that is killed at any call by which it changes files", () => {
  test("goes on from its last whole checkpoint, to the bits of one that was not", async () => {
    const whole = await place(4);
    const report = path.join(newFolder(), "report");
    const watch = { LD_PRELOAD: watched, WATCH_BELOW: "OUT" };
    expect(await train(whole, [], { ...watch, WATCH_REPORT: report })).toMatchObject({ code: 0 });
    const wanted = runOf(whole);
    const calls = fs.readFileSync(report, "utf8").split("\n").length - 1;
    expect(calls).toBeGreaterThan(30);
    let resumed = 0;
    for (let at = 1; at <= calls; at += full ? 1 : Math.ceil(calls / 25)) {
      const folder = await place(4);
      expect([at, await train(folder, [], { ...watch, WATCH_KILL: `${at}` })]).toMatchObject([at, { killed: true }]);
      const begun = fs.existsSync(path.join(folder, "OUT/train.cnx"));
      const again = await train(folder, begun ? ["--resume"] : []);
      expect([at, again.code, again.said]).toEqual([at, 0, expect.not.stringContaining("error")]);
      if (/steps [234] to 4 of 4/.test(again.said)) resumed++;
      expect([at, runOf(folder)]).toEqual([at, wanted]);
      fs.rmSync(folder, { recursive: true });
    }
    expect(resumed).toBeGreaterThan(3);
  });
});

test("a run that is asked to stop saves what it has, and goes on from there", async () => {
  const [whole, stopped] = [await place(400), await place(400)];
  expect(await train(whole, ["--save-every", "400"])).toMatchObject({ code: 0 });
  const at = { at: "step 2", signal: "SIGINT" } as const;
  const { code, said } = await train(stopped, ["--save-every", "400"], {}, at);
  expect(code).toBe(130);
  const [, step] = /stopped after (\d+) of 400 steps; go on by --resume/.exec(said) ?? [];
  expect(fs.readdirSync(path.join(stopped, "OUT/checkpoints"))).toEqual([`step-${step}`]);
  expect(Number(step)).toBeLessThan(400);
  expect(await train(stopped, ["--save-every", "400", "--resume"])).toMatchObject({ code: 0 });
  const last = "OUT/checkpoints/step-400";
  expect(snapshot(path.join(stopped, last))).toEqual(snapshot(path.join(whole, last)));
  expect(fs.readFileSync(path.join(stopped, "OUT/log.jsonl"))).toEqual(
    fs.readFileSync(path.join(whole, "OUT/log.jsonl")),
  );
});
