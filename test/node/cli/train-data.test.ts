import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { f32Tensor } from "../../../src/weights/formats/safetensors.ts";
import { cnxc } from "../../support/cli.ts";
import { fill, newFolder } from "../../support/folders.ts";
import { writePng } from "../../support/png.ts";
import { writeTensors } from "../../support/tensors.ts";
import { readLog } from "./train.ts";

const body = "depths [1]  dims [4]  kernel_size 3  head classifier { classes 2 }";
const spec = `model rgb { ${body}  input 8x8x3 }
model grey { ${body}  input 8x8x1 }
model alpha { ${body}  input 8x8x4 }
model five { ${body}  input 8x8x5 }
`;
const recipe = (model: string, more = "") => `train t { model ${model}  batch 2  epochs 1  ${more} }\n`;

/** A picture of any size, grey, see-through or in colours. */
function picture(width: number, height: number, seed: number): Buffer {
  const data = Buffer.from(Array.from({ length: 4 * width * height }, (_, i) => (i * 37 + seed * 91) % 256));
  return writePng({ width, height, data });
}

/** A folder of two classes with so many pictures each, and what trains on it. */
function place(count: number, text = recipe("rgb")) {
  const folder = newFolder();
  const at = (name: string) => path.join(folder, name);
  fill(folder, { "spec.cnx": spec + text });
  for (let i = 0; i < 2 * count; i++) put(`data/${i % 2 === 0 ? "cat" : "dog"}/${i}.png`, picture(9, 8, i));
  function put(name: string, bytes: Buffer | string): void {
    mkdirSync(path.dirname(at(name)), { recursive: true });
    writeFileSync(at(name), bytes);
  }
  const train = (data = "data", words: readonly string[] = []) =>
    cnxc(["train", at("spec.cnx"), "--on", "reference", "--data", data && at(data), "-o", at("run"), ...words]);
  return { at, put, train };
}

type Place = ReturnType<typeof place>;

describe("what there is to train on is looked at first, and what is wrong leaves no run", () => {
  const cases: Readonly<
    Record<string, readonly [change: (place: Place) => void, data: string, code: number, sentence: string]>
  > = {
    "no such place": [() => {}, "nowhere", 6, "there is no such file or directory"],
    "no name": [() => {}, "", 2, "empty"],
    "a folder without a picture": [
      ({ put }) => put("none/notes.txt", "none"),
      "none",
      4,
      "the folder holds no picture",
    ],
    "a class without a picture": [
      ({ put }) => put("data/emu/notes.txt", "none"),
      "data",
      4,
      "the folder of this class holds no picture; remove it, or add some",
    ],
    "pictures beside classes": [
      ({ put }) => put("data/stray.png", picture(8, 8, 0)),
      "data",
      4,
      "such as 'stray.png', beside folders, such as 'cat'",
    ],
    "more classes than the model has": [
      ({ put }) => put("data/emu/1.png", picture(8, 8, 0)),
      "data",
      4,
      "the folder has 3 classes, but model 'rgb' tells 2 apart; say classes 3",
    ],
    "one picture": [() => {}, "data/cat/0.png", 4, "one picture is too little to be trained on; name the folder"],
    "a file of something else": [() => {}, "spec.cnx", 4, "the file is neither safetensors nor"],
    "a model of more channels than pictures have": [
      ({ put }) => put("spec.cnx", spec + recipe("five")),
      "data",
      2,
      "--data takes tensors of any channels",
    ],
    "fewer pictures than a step takes": [
      ({ put }) => put("spec.cnx", spec + recipe("rgb", "accumulate 3")),
      "data",
      4,
      "there are 4 pictures, but a step takes 6; lower batch or accumulate",
    ],
  };
  test.each(Object.entries(cases))("%s", async (_, [change, data, code, sentence]) => {
    const one = place(2);
    change(one);
    const result = await one.train(data);
    expect(result.stderr).toContain(sentence);
    expect(result.code).toBe(code);
    expect(existsSync(one.at("run"))).toBe(false);
  });
});

describe("pictures of any kind are learned from", () => {
  test.each(["rgb", "grey", "alpha"])("by a model of %s, be they tiny, long or see-through", async model => {
    const { put, train } = place(1, recipe(model, "augment { crop 0.3..1  flip true }"));
    for (const [i, [width, height]] of [[1, 1] as const, [1, 60] as const, [60, 1] as const, [2, 3] as const].entries())
      put(`data/${i % 2 === 0 ? "cat" : "dog"}/odd${i}.png`, picture(width, height, i));
    const { code, stderr } = await train();
    expect([code, stderr]).toEqual([0, expect.not.stringMatching(/error|warning/)]);
  });
});

describe("pictures that cannot be read", () => {
  test("are passed over, and named at the end", async () => {
    const { put, train } = place(3);
    put("data/cat/0.png", "");
    const { code, stderr } = await train();
    expect(code).toBe(0);
    expect(stderr).toContain("the picture cannot be read, and the next was shown in its place");
    expect(stderr).toMatch(/cat.0\.png/);
  });

  test("end a run when they are many, with what it has done saved, from which another may begin", async () => {
    const { at, put, train } = place(6);
    const cut = picture(9, 8, 1).subarray(0, 60);
    for (const name of ["cat/2", "dog/3", "dog/5"]) put(`data/${name}.png`, Buffer.concat([cut, Buffer.alloc(40)]));
    const bad = await train();
    expect([bad.code, bad.stderr]).toEqual([4, expect.stringContaining("of 12 pictures cannot be read")]);
    const log = readLog(at("run/log.jsonl"));
    expect(log.length).toBeGreaterThan(0);
    expect(readdirSync(at("run/checkpoints"))).toEqual([`step-${log.length}`]);
    for (const name of ["cat/2", "dog/3", "dog/5"]) rmSync(at(`data/${name}.png`));
    const mended = await train("data", ["--resume"]);
    expect([mended.code, mended.stderr]).toEqual([
      4,
      expect.stringContaining("go on with the same, or begin another run"),
    ]);
    cpSync(at(`run/checkpoints/step-${log.length}/model.safetensors`), at("start.safetensors"));
    rmSync(at("run"), { recursive: true });
    expect((await train("data", ["-w", at("start.safetensors")])).code).toBe(0);
  });
});

describe("a run on tensors", () => {
  test("goes on to the same bits, with the same images alone", async () => {
    const { at, train } = place(1, recipe("five", "augment { flip true  mixup 0.8  cutmix 1 }"));
    const write = (spoiled: number | null) =>
      writeTensors(at("data.safetensors"), [
        f32Tensor("pixel_values", [12, 5, 8, 8], () =>
          Float32Array.from({ length: 12 * 320 }, (_, i) => (i === spoiled ? 9 : Math.sin(i * 1.3))),
        ),
        { name: "labels", dtype: "U8", shape: [12], bytes: () => Uint8Array.from({ length: 12 }, (_, i) => i % 2) },
      ]);
    await write(null);
    const first = await train("data.safetensors", ["--save-every", "4"]);
    expect([first.code, first.stderr]).toEqual([0, expect.not.stringMatching(/error|warning/)]);
    const file = at("run/checkpoints/step-6/float64.safetensors");
    const whole = readFileSync(file);
    rmSync(path.dirname(file), { recursive: true });
    await write(3000);
    expect((await train("data.safetensors", ["--resume"])).code).toBe(4);
    await write(null);
    expect((await train("data.safetensors", ["--resume"])).stdout).toContain("steps 5 to 6 of 6");
    expect(readFileSync(file).equals(whole)).toBe(true);
  });

  test("that do not fit leaves nothing", async () => {
    const { at, train } = place(1);
    await writeTensors(at("data.safetensors"), [f32Tensor("pixel_values", [4, 3, 8, 9], () => new Float32Array(864))]);
    const { code, stderr } = await train("data.safetensors");
    expect(code).toBe(4);
    expect(stderr).toContain("input 'pixel_values' is F32 [4, 3, 8, 9], expected F32 or U8 [N, 3, 8, 8]");
    expect(stderr).toContain("input 'labels' is missing");
    expect(existsSync(at("run"))).toBe(false);
  });
});
