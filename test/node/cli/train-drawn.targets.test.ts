import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { choices } from "../../../src/model/choices.ts";
import { cnxc } from "../../support/cli.ts";
import { cliFile } from "../../support/cli-process.ts";
import { fill, newFolder } from "../../support/folders.ts";
import { writePng } from "../../support/png.ts";
import { readLog } from "./train.ts";

const side = 12;
type Shape = (x: number, y: number) => number;

/** How much of the second colour a place has, by what is drawn: a disc, stripes, or a gradient. */
const shapes: readonly ((int: (low: number, high: number) => number) => Shape)[] = [
  int => {
    const [cx, cy, radius] = [int(1, 10), int(1, 10), int(2, 5)];
    return (x, y) => ((x - cx) ** 2 + (y - cy) ** 2 < radius ** 2 ? 1 : 0);
  },
  int => {
    const [width, start, across] = [int(2, 4), int(0, 5), int(0, 1)];
    return (x, y) => Math.floor(((across === 1 ? x : y) + start) / width) % 2;
  },
  int => {
    const [right, down] = [int(-4, 4), int(-4, 4)];
    return (x, y) => Math.min(1, Math.max(0, 0.5 + ((x - 5.5) * right + (y - 5.5) * down) / 40));
  },
];

function drawn(seed: number): Buffer {
  const { int } = choices(seed);
  const shape = (shapes[seed % shapes.length] ?? expect.fail())(int);
  const [one, other] = [0, 1].map(() => [int(0, 255), int(0, 255), int(0, 255)]) as [number[], number[]];
  const data = Buffer.alloc(4 * side * side, 255);
  for (let i = 0; i < side * side; i++) {
    const share = shape(i % side, Math.floor(i / side));
    for (let c = 0; c < 3; c++) data[4 * i + c] = Math.round((one[c] ?? 0) * (1 - share) + (other[c] ?? 0) * share);
  }
  return writePng({ width: side, height: side, data });
}

const spec = `
model small {
  depths [1]
  dims [16]
  input 8x8x3
  stem patch 2
  kernel_size 3
  mlp_ratio 2
  head fcmae { mask_ratio 0.4  patch_size 2  norm_pix_loss false  decoder { depth 1  dim 16 } }
}
train drawn {
  model small
  batch 10
  accumulate 2
  epochs 4
  optimizer adamw { lr 2e-2  betas [0.9, 0.95] }
  schedule cosine { warmup 0.5 }
  augment { crop 0.5..1  flip true }
}
`;

test("300 drawn pictures are learned from, and a run that was interrupted goes on to the same bits", async () => {
  const folder = newFolder();
  const at = (name: string): string => path.join(folder, name);
  fill(folder, { "spec.cnx": spec });
  mkdirSync(at("pictures"));
  for (let i = 0; i < 300; i++) writeFileSync(at(`pictures/${i}.png`), drawn(i));
  const words = (run: string) => [
    "train",
    at("spec.cnx"),
    "--on",
    "reference",
    "--data",
    at("pictures"),
    "-o",
    at(run),
  ];

  const { code, stderr } = await cnxc(words("once"));
  expect([code, stderr]).toEqual([0, expect.not.stringMatching(/error|warning/)]);
  const losses = readLog(at("once/log.jsonl")).map(({ loss }) => loss);
  const mean = (values: readonly number[]) => values.reduce((sum, loss) => sum + loss, 0) / values.length;
  expect(losses.length).toBe(60);
  expect(mean(losses.slice(-10))).toBeLessThan(mean(losses.slice(0, 5)) / 2);

  expect(await interrupted(words("twice"), at("twice/log.jsonl"), 20)).toBe(130);
  const [stopped] = readdirSync(at("twice/checkpoints"));
  expect(stopped).toMatch(/^step-(2\d|[3-5]\d)$/);
  expect((await cnxc([...words("twice"), "--resume"])).code).toBe(0);
  for (const file of ["log.jsonl", "checkpoints/step-60/float64.safetensors", "checkpoints/step-60/state.safetensors"])
    expect(readFileSync(at(`twice/${file}`)).equals(readFileSync(at(`once/${file}`))), file).toBe(true);
});

/** Runs cnxc in a process of its own, and interrupts it when its log has so many lines. */
function interrupted(words: readonly string[], log: string, lines: number): Promise<number | null> {
  const child = spawn(process.execPath, [cliFile, ...words], { stdio: "ignore" });
  const watch = setInterval(() => {
    if (!existsSync(log) || readFileSync(log, "utf8").split("\n").length <= lines) return;
    clearInterval(watch);
    child.kill("SIGINT");
  }, 10);
  return new Promise(resolve =>
    child.on("close", code => {
      clearInterval(watch);
      resolve(code);
    }),
  );
}
