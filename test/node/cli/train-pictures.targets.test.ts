import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { choices } from "../../../src/model/choices.ts";
import { cnxc } from "../../support/cli.ts";
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

describe.runIf(hasSwiftShader)("a folder of pictures is learned from", () => {
  /** A folder with 300 pictures, and how to train on them. */
  function place() {
    const folder = newFolder();
    const at = (name: string): string => path.join(folder, name);
    mkdirSync(at("pictures"));
    for (let i = 0; i < 300; i++) writeFileSync(at(`pictures/${i}.png`), picture(i));
    const train = (steps: number, run: string, words: readonly string[] = []) => {
      fill(folder, { "spec.cnx": spec(steps) });
      const to = ["--on", "webgpu", "--adapter", "swiftshader", "-o", at(run)];
      return cnxc(["train", at("spec.cnx"), "--data", at("pictures"), ...to, ...words]);
    };
    return { at, train };
  }

  test("and a run that was stopped goes on with the same bits", async () => {
    const { at, train } = place();
    for (const [steps, run, words] of [
      [12, "once", []],
      [6, "twice", []],
      [12, "twice", ["--resume"]],
    ] as const)
      expect(await train(steps, run, words)).toMatchObject({ code: 0 });
    for (const file of ["log.jsonl", "checkpoints/step-12/model.safetensors", "checkpoints/step-12/state.safetensors"])
      expect(readFileSync(at(`twice/${file}`)).equals(readFileSync(at(`once/${file}`))), file).toBe(true);
  });

  test("and is judged by the same figures as on the reference", async () => {
    const folder = newFolder();
    const at = (name: string): string => path.join(folder, name);
    fill(folder, { "spec.cnx": spec(2) });
    for (let i = 0; i < 60; i++) {
      const of = `${i < 40 ? "pictures" : "held"}/${i % 2 === 0 ? "even" : "odd"}`;
      mkdirSync(at(of), { recursive: true });
      writeFileSync(at(`${of}/${i}.png`), picture(i));
    }
    const seen = [];
    for (const on of [["reference"], ["webgpu", "--adapter", "swiftshader"]] as const) {
      const run = at(on[0]);
      const pictures = ["--data", at("pictures"), "--val", at("held"), "-o", run];
      expect(await cnxc(["train", at("spec.cnx"), ...pictures, "--on", ...on])).toMatchObject({ code: 0 });
      seen.push(JSON.parse(readFileSync(path.join(run, "evaluations.jsonl"), "utf8").trim().split("\n").at(-1) ?? ""));
      expect(readFileSync(path.join(run, "report.html"), "utf8").match(/<img /g)?.length).toBe(24);
    }
    const [reference, webgpu] = seen;
    for (const kind of ["val", "val_weights"]) {
      expect(Object.keys(webgpu[kind])).toEqual(["images", "loss", "knn", "probe"]);
      expect(webgpu[kind].loss / reference[kind].loss).toBeCloseTo(1, 4);
      // A neighbour or two may be as near as another.
      for (const part of ["knn", "probe"])
        expect(Math.abs(webgpu[kind][part] - reference[kind][part])).toBeLessThan(0.16);
    }
    for (const stage of ["stages.0", "stages.1"])
      expect(webgpu.channel_distance[stage]).toBeCloseTo(reference.channel_distance[stage], 4);
  });

  test.runIf(full)("and the loss falls below half of what it began with", async () => {
    const { at, train } = place();
    expect(await train(160, "run")).toMatchObject({ code: 0 });
    const log = readLog(at("run/log.jsonl"));
    const mean = (lines: typeof log) => lines.reduce((sum, { loss }) => sum + loss, 0) / lines.length;
    expect(log.length).toBe(160);
    expect(mean(log.slice(-5))).toBeLessThan(mean(log.slice(0, 5)) / 2);
  });
});
