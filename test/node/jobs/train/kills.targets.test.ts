import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { lastCheckpoint } from "../../../../src/node/jobs/train/checkpoints.ts";
import { cliFile } from "../../../support/cli-process.ts";
import { fill, newFolder, snapshot } from "../../../support/folders.ts";
import { full } from "../../../support/full.ts";
import { writePng } from "../../../support/png.ts";
import { readTensors } from "../../../support/tensors.ts";
import { canWatch, watchedLibrary } from "../../../support/watched.ts";
import { must } from "../../../syntax/support.ts";
import { drawBatches } from "../../cli/train.ts";

let watched = "";
beforeAll(async () => {
  if (canWatch) watched = await watchedLibrary();
});

const spec = `model m { depths [1]  dims [4]  input 8x8x3  head fcmae { patch_size 4  decoder { dim 4 } } }

train t { model m  batch 1  steps 4  ema 0.9  schedule cosine { warmup 1  total 4 } }
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
    "--val",
    "val",
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
  const shapes = { pixel_values: [1, 3, 8, 8], mask: [1, 4] };
  await drawBatches(path.join(folder, "b.safetensors"), shapes, steps, 1, (name, values) =>
    name.endsWith("mask") ? values.fill(1).fill(0, 0, 1) : values,
  );
  fs.mkdirSync(path.join(folder, "val"));
  for (const grey of [0, 1]) {
    const data = Buffer.from(Array.from({ length: 8 * 8 * 4 }, (_, i) => (i % 4 === 3 ? 255 : (i * (3 + grey)) % 251)));
    fs.writeFileSync(path.join(folder, `val/${grey}.png`), writePng({ width: 8, height: 8, data }));
  }
  return folder;
}

const runOf = (folder: string) => snapshot(path.join(folder, "OUT"));

/** Calls at which a run is killed, over all by which it changes files. */
const kills = full ? 100 : 10;

/** Saving changes log, report and checkpoint in turn; a run is killed before each of the calls that do. */
describe.skipIf(!canWatch)("a run that is killed while it saves", () => {
  test("has a last checkpoint that is whole, and goes on from there to the bits of one that was not", async () => {
    const whole = await place(4);
    const report = path.join(newFolder(), "report");
    const watch = { LD_PRELOAD: watched, WATCH_BELOW: "OUT" };
    expect(await train(whole, [], { ...watch, WATCH_REPORT: report })).toMatchObject({ code: 0 });
    const wanted = runOf(whole);
    expect(Object.keys(wanted ?? {})).toEqual(
      expect.arrayContaining(["log.jsonl", "evaluations.jsonl", "report.html", "report.json"]),
    );
    const calls = fs.readFileSync(report, "utf8").split("\n").length - 1;
    expect(calls).toBeGreaterThan(100);
    let resumed = 0;
    for (let kill = 0; kill < kills; kill++) {
      // From the end, where the last checkpoint is there and nothing else is done; the lock's own calls differ by a few.
      const at = calls - 8 - Math.floor((kill * (calls - 8)) / kills);
      const folder = await place(4);
      expect([at, await train(folder, [], { ...watch, WATCH_KILL: `${at}` })]).toMatchObject([at, { killed: true }]);
      const run = path.join(folder, "OUT");
      const begun = fs.existsSync(path.join(run, "train.cnx"));
      const last = begun ? must(lastCheckpoint(run)) : null;
      if (last !== null) await readTensors(path.join(last.folder, "model.safetensors"));
      const again = await train(folder, begun ? ["--resume"] : []);
      expect([at, again.code, again.said]).toEqual([at, 0, expect.not.stringMatching(/error|warning/)]);
      const from = /steps (\d) to 4 of 4/.exec(again.said)?.[1] ?? "5";
      expect([at, from]).toEqual([at, `${(last?.step ?? 0) + 1}`]);
      if (last !== null) resumed++;
      expect([at, runOf(folder)]).toEqual([at, wanted]);
      fs.rmSync(folder, { recursive: true });
    }
    expect(resumed).toBeGreaterThan(kills / 2);
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
  for (const file of ["log.jsonl", "evaluations.jsonl", "report.html"])
    expect(fs.readFileSync(path.join(stopped, "OUT", file))).toEqual(fs.readFileSync(path.join(whole, "OUT", file)));
});
