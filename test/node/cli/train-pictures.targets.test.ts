import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { choices } from "../../../src/model/choices.ts";
import { cnxc } from "../../support/cli.ts";
import { hasGxx } from "../../support/cuda-tools.ts";
import { fill, newFolder } from "../../support/folders.ts";
import { full } from "../../support/full.ts";
import { writePng } from "../../support/png.ts";
import { hasSwiftShader } from "../../support/webgpu-process.ts";
import { readLog } from "./train.ts";

const side = 16;

/** A disc before a plain ground, wherever and in whichever colours. */
function picture(seed: number): Buffer {
  const { int } = choices(seed);
  const [x, y, radius] = [int(4, 11), int(4, 11), int(3, 6)];
  const colours = [0, 1].map(() => [int(0, 255), int(0, 255), int(0, 255)]);
  const data = Buffer.alloc(4 * side * side, 255);
  for (let at = 0; at < side * side; at++) {
    const inside = ((at % side) - x) ** 2 + (Math.floor(at / side) - y) ** 2 < radius ** 2;
    for (let c = 0; c < 3; c++) data[4 * at + c] = colours[inside ? 1 : 0]?.[c] ?? 0;
  }
  return writePng({ width: side, height: side, data });
}

const spec = (steps: number) => `
model small {
  depths [1, 1]
  dims [16, 32]
  input ${side}x${side}x3
  stem patch 2
  kernel_size 3
  head fcmae { mask_ratio 0.5  patch_size 4  norm_pix_loss false  decoder { depth 1  dim 32 } }
}
train discs {
  model small
  batch 20
  steps ${steps}
  optimizer adamw { lr 6e-3  betas [0.9, 0.95] }
  schedule cosine { warmup 5  total 160 }
  ema 0.9
}
`;

/** A folder with 300 pictures, and how to train on them. */
function place(on: readonly string[]) {
  const folder = newFolder();
  const at = (name: string): string => path.join(folder, name);
  mkdirSync(at("pictures"));
  for (let i = 0; i < 300; i++) writeFileSync(at(`pictures/${i}.png`), picture(i));
  const train = (steps: number, run: string, words: readonly string[] = []) => {
    fill(folder, { "spec.cnx": spec(steps) });
    return cnxc(["train", at("spec.cnx"), "--data", at("pictures"), "--on", ...on, "-o", at(run), ...words]);
  };
  return { at, train };
}

const swiftshader = ["webgpu", "--adapter", "swiftshader"];

describe.each([
  { on: swiftshader, there: hasSwiftShader, steps: 3 },
  { on: ["cuda-cpu"], there: hasGxx && full, steps: 2 },
])("a folder of pictures is learned from on $on.0", ({ on, there, steps }) => {
  test.runIf(there)("and a run that was stopped goes on with the same bits", async () => {
    const { at, train } = place(on);
    for (const [until, run, words] of [
      [2 * steps, "once", []],
      [steps, "twice", []],
      [2 * steps, "twice", ["--resume"]],
    ] as const)
      expect(await train(until, run, words)).toMatchObject({ code: 0 });
    const end = `checkpoints/step-${2 * steps}`;
    for (const file of ["log.jsonl", `${end}/model.safetensors`, `${end}/state.safetensors`])
      expect(readFileSync(at(`twice/${file}`)).equals(readFileSync(at(`once/${file}`))), file).toBe(true);
  });

  test.runIf(there && full)("and is judged by the same figures as on the reference", async () => {
    const folder = newFolder();
    const at = (name: string): string => path.join(folder, name);
    fill(folder, { "spec.cnx": spec(2) });
    for (let i = 0; i < 60; i++) {
      const of = `${i < 40 ? "pictures" : "held"}/${i % 2 === 0 ? "even" : "odd"}`;
      mkdirSync(at(of), { recursive: true });
      writeFileSync(at(`${of}/${i}.png`), picture(i));
    }
    const seen = [];
    for (const executor of [["reference"], on]) {
      const run = at(executor[0] as string);
      const pictures = ["--data", at("pictures"), "--val", at("held"), "-o", run];
      expect(await cnxc(["train", at("spec.cnx"), ...pictures, "--on", ...executor])).toMatchObject({ code: 0 });
      seen.push(JSON.parse(readFileSync(path.join(run, "evaluations.jsonl"), "utf8").trim().split("\n").at(-1) ?? ""));
      expect(readFileSync(path.join(run, "report.html"), "utf8").match(/<img /g)?.length).toBe(24);
    }
    const [reference, found] = seen;
    for (const kind of ["val", "val_weights"]) {
      expect(Object.keys(found[kind])).toEqual(["images", "loss", "knn", "probe"]);
      expect(found[kind].loss / reference[kind].loss).toBeCloseTo(1, 4);
      // A neighbour or two may be as near as another.
      for (const part of ["knn", "probe"])
        expect(Math.abs(found[kind][part] - reference[kind][part])).toBeLessThan(0.16);
    }
    for (const stage of ["stages.0", "stages.1"])
      expect(found.channel_distance[stage]).toBeCloseTo(reference.channel_distance[stage], 4);
  });

  test.runIf(there && full && on === swiftshader)("and the loss falls below half of what it began with", async () => {
    const { at, train } = place(on);
    expect(await train(160, "run")).toMatchObject({ code: 0 });
    const log = readLog(at("run/log.jsonl"));
    const mean = (lines: typeof log) => lines.reduce((sum, { loss }) => sum + loss, 0) / lines.length;
    expect(log.length).toBe(160);
    expect(mean(log.slice(-5))).toBeLessThan(mean(log.slice(0, 5)) / 2);
  });
});

test.runIf(hasGxx)(
  "a run on CUDA goes on on the reference, and one on the reference on CUDA, as if it had been there",
  async () => {
    const runs = [];
    for (const [first, then] of [
      ["cuda-cpu", "cuda-cpu"],
      ["cuda-cpu", "reference"],
      ["reference", "cuda-cpu"],
    ] as const) {
      const { at, train } = place([first]);
      expect(await train(2, "run")).toMatchObject({ code: 0 });
      expect(await train(4, "run", ["--resume", "--on", then])).toMatchObject({ code: 0 });
      runs.push(readLog(at("run/log.jsonl")));
    }
    const [own = [], ...others] = runs;
    for (const log of others)
      for (const [step, { loss, grad_norm }] of log.entries()) {
        expect(loss / (own[step]?.loss ?? 0)).toBeCloseTo(1, 5);
        expect(grad_norm / (own[step]?.grad_norm ?? 0)).toBeCloseTo(1, 4);
      }
  },
);
