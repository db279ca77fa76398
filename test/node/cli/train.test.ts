import { createHash } from "node:crypto";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { realFs } from "../../../src/node/output/fs.ts";
import { lockText, namesBeside, takeLock } from "../../../src/node/output/lock.ts";
import { f32Tensor } from "../../../src/weights/formats/safetensors.ts";
import { cnxc } from "../../support/cli.ts";
import { fill, newFolder } from "../../support/folders.ts";
import { writePng } from "../../support/png.ts";
import { readTensors, writeTensors } from "../../support/tensors.ts";
import { savedTrace } from "../../support/traces.ts";
import { checkText, must } from "../../syntax/support.ts";
import { checkTrace, drawBatches, readLog } from "./train.ts";

// The other traces: train.targets.test.ts.
test("cnxc train on the reference gives torch's trace of fine-tuning", () =>
  checkTrace("finetune-micro", ["--on", "reference"], savedTrace));

const reference = ["--on", "reference"];
const body = "depths [1, 1]  dims [4, 8]  input 16x16x3  kernel_size 3";
const models = `model m { ${body}  head classifier { classes 5 } }
model masked { ${body}  head fcmae { patch_size 8  mask_ratio 0.5  decoder { depth 1  dim 8 } } }
`;
const recipe = (text: string) => `train t { model m  batch 2  ${text} }\n`;
const usual = "steps 6  schedule cosine { warmup 2  total 8 }  ema 0.9";
const shapes = { pixel_values: [2, 3, 16, 16], targets: [2, 5] };

/** A folder with a spec and what its recipe takes. */
async function place(text: string, steps = 6, micros = 1, more: Parameters<typeof drawBatches>[4] = (_, v) => v) {
  const folder = newFolder();
  const at = (name: string) => path.join(folder, name);
  fill(folder, { "spec.cnx": models + text });
  await drawBatches(at("batches.safetensors"), shapes, steps, micros, more);
  const train = (words: readonly string[] = [], spec = "spec.cnx") =>
    cnxc([
      "train",
      at(spec),
      ...(words.includes("--on") ? [] : reference),
      "--batches",
      at("batches.safetensors"),
      "-o",
      at("run"),
      ...words,
    ]);
  return { folder, at, train, log: () => readLog(at("run/log.jsonl")) };
}

/** Every byte of a checkpoint. */
const bytesOf = (folder: string): Readonly<Record<string, string>> =>
  Object.fromEntries(readdirSync(folder).map(file => [file, readFileSync(path.join(folder, file)).toString("base64")]));

describe("a run", () => {
  test("leaves its log, its recipe and checkpoints in a folder", async () => {
    const { at, train, log } = await place(recipe(usual));
    const { code, stdout, stderr } = await train(["--save-every", "4"]);
    expect(stderr).not.toMatch(/error|warning/);
    expect(code).toBe(0);
    expect(stdout).toMatch(/run: t, steps 1 to 6 of 6, loss [\d.]+ to [\d.]+\n$/);
    expect(readdirSync(at("run")).sort()).toEqual(["checkpoints", "log.jsonl", "report.html", "train.cnx"]);
    expect(readdirSync(at("run/checkpoints")).sort()).toEqual(["step-4", "step-6"]);
    expect(log().map(line => Object.keys(line).join())).toEqual(Array(6).fill("step,lr,loss,grad_norm"));
    expect(log().map(({ lr }) => lr)[1]).toBeCloseTo(1.5e-4 * (2 / 256) * 0.5, 15);
    const weights = await readTensors(at("run/checkpoints/step-6/model.safetensors"));
    const state = await readTensors(at("run/checkpoints/step-6/state.safetensors"));
    const names = [...weights.keys()];
    expect(names).toContain("stages.0.0.grn.gamma");
    const kinds = ["adamw.m.", "adamw.v.", "ema."];
    expect([...state.keys()].sort()).toEqual(kinds.flatMap(kind => names.map(name => kind + name)).sort());
  });

  test("keeps its last three checkpoints, and each that holds something else", async () => {
    const { at, train, folder } = await place(recipe(usual.replace("steps 6", "steps 3")));
    await train(["--save-every", "1"]);
    fill(folder, { "run/checkpoints/step-2/notes.txt": "mine" });
    writeFileSync(at("spec.cnx"), models + recipe(usual));
    expect((await train(["--save-every", "1", "--resume"])).code).toBe(0);
    expect(readdirSync(at("run/checkpoints")).sort()).toEqual(["step-2", "step-4", "step-5", "step-6"]);
  });

  test("is of one process at a time", async () => {
    const { at, train } = await place(recipe(usual));
    const lock = must(await takeLock(realFs, namesBeside(at("run")).lock, "run", { looks: 1, lookMs: 1 }));
    const { code, stderr } = await train();
    expect([code, stderr]).toEqual([6, expect.stringContaining("output-locked")]);
    expect(existsSync(at("run"))).toBe(false);
    lock.release();
    expect((await train()).code).toBe(0);
  });

  test("that has lost its folder to another process ends", async () => {
    const { at, train } = await place(recipe("steps 60"), 60);
    const { lock } = namesBeside(at("run"));
    const running = train(["--save-every", "1"]);
    while (!existsSync(at("run/log.jsonl"))) await new Promise(resolve => setImmediate(resolve));
    writeFileSync(lock, lockText({ pid: 1, place: "00000000", host: "elsewhere", token: "00000000" }, 1));
    const { code, stderr } = await running;
    expect([code, stderr]).toEqual([6, expect.stringContaining("output-lock-lost")]);
    expect(existsSync(at("run/checkpoints/step-60"))).toBe(false);
  });

  test("may begin where another has ended, by its schedule", async () => {
    const { train, log } = await place(recipe("steps 2  schedule cosine { warmup 4  total 8  first 2 }"), 2);
    expect((await train()).code).toBe(0);
    const lr = (2 / 256) * 1.5e-4;
    expect(log().map(line => line.lr)).toEqual([(lr * 2) / 4, (lr * 3) / 4]);
  });

  test("is told by a recipe that needs no other file and trains to the same bits", async () => {
    const { at, train } = await place(recipe(`${usual}  clip 0.7  layer_decay 0.9  seed 3`));
    expect((await train()).code).toBe(0);
    const text = readFileSync(at("run/train.cnx"), "utf8");
    expect(text).toContain("  weight_decay 0.05\n");
    const [{ span: _, ...again } = expect.fail("no recipe")] = must(checkText(text)).recipes.values();
    const [{ span: __, ...first } = expect.fail("no recipe")] = must(
      checkText(readFileSync(at("spec.cnx"), "utf8")),
    ).recipes.values();
    expect(again).toEqual(first);
    cpSync(at("run/train.cnx"), at("again.cnx"));
    const files = ["--batches", at("batches.safetensors"), "-o", at("other")];
    expect((await cnxc(["train", at("again.cnx"), ...reference, ...files])).code).toBe(0);
    expect(bytesOf(at("other/checkpoints/step-6"))).toEqual(bytesOf(at("run/checkpoints/step-6")));
    expect((await cnxc(["fmt", "--check", at("again.cnx")])).code).toBe(0);
  });

  test("of k micro-batches is one of a batch k times as large", async () => {
    const one = await place("train t { model m  batch 2  steps 3 }", 3);
    const many = await place(
      "train t { model m  batch 1  accumulate 2  steps 3  optimizer adamw { lr 1.5e-4  per 256 } }",
      3,
    );
    const whole = await readTensors(one.at("batches.safetensors"));
    const cut = [...whole].flatMap(([name, { shape, data }]) => {
      const [step, , port] = name.split(".");
      const half = data.length / 2;
      return [0, 1].map(micro => ({
        name: `${step}.${micro}.${port}`,
        dtype: "F32" as const,
        shape: [1, ...shape.slice(1)],
        bytes: () => new Uint8Array(data.slice(micro * half, (micro + 1) * half).buffer),
      }));
    });
    await writeTensors(many.at("batches.safetensors"), cut);
    expect([(await one.train()).code, (await many.train()).code]).toEqual([0, 0]);
    many.log().forEach(({ loss, grad_norm }, i) => {
      expect(loss).toBeCloseTo(one.log()[i]?.loss ?? 0, 12);
      expect(grad_norm).toBeCloseTo(one.log()[i]?.grad_norm ?? 0, 11);
    });
  });

  test("of a masked autoencoder begins near a loss of 1", async () => {
    const { at, train, log } = await place("train t { model masked  batch 2  steps 2 }");
    const mask = [2, 4];
    await drawBatches(at("batches.safetensors"), { pixel_values: shapes.pixel_values, mask }, 2, 1, (name, values) =>
      name.endsWith("mask") ? values.map((_, i) => i % 2) : values,
    );
    expect((await train()).code).toBe(0);
    expect(log()[0]?.loss).toBeCloseTo(1, 1);
    const weights = await readTensors(at("run/checkpoints/step-2/model.safetensors"));
    expect([...weights.keys()]).toContain("mask_token");
  });

  test("with a gradient that is not finite changes nothing in that step, and says so", async () => {
    const spoiled = await place(recipe(usual), 6, 1, (name, values) =>
      name === "2.0.pixel_values" ? values.with(7, Number.NaN) : values,
    );
    const { code, stderr } = await spoiled.train(["--save-every", "2"]);
    expect(code).toBe(0);
    expect(stderr).toContain("1 of 6 steps changed nothing, since the norm of their gradients was not finite");
    const lines = readFileSync(spoiled.at("run/log.jsonl"), "utf8").split("\n");
    expect(lines[2]).toMatch(/"loss":null,"grad_norm":null,"skipped":true\}$/);
    expect(lines.filter(line => line.includes("skipped")).length).toBe(1);
    const end = await readTensors(spoiled.at("run/checkpoints/step-6/model.safetensors"));
    for (const { data } of end.values()) expect(data.every(Number.isFinite)).toBe(true);
  });

  test("gives a program one object", async () => {
    const { train } = await place(recipe(usual));
    const { stdout } = await train(["--json"]);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      result: { recipe: "t", from: 0, step: 6, steps: 6, skipped: 0 },
      outputs: expect.arrayContaining([{ path: "checkpoints/step-6/model.safetensors", status: "written" }]),
    });
  });
});

test("ready batches are not augmented, which is said", async () => {
  const { train } = await place(recipe("steps 6  augment { flip true }"));
  const { code, stderr } = await train();
  expect([code, stderr]).toEqual([0, expect.stringContaining("ready batches are taken as they are")]);
});

describe("a run goes on", () => {
  test("to the same bits, from a checkpoint in its middle, with a log that has each step once", async () => {
    const { at, train, log } = await place(recipe(usual));
    expect((await train(["--save-every", "3"])).code).toBe(0);
    const [whole, lines] = [bytesOf(at("run/checkpoints/step-6")), readFileSync(at("run/log.jsonl"), "utf8")];
    rmSync(at("run/checkpoints/step-6"), { recursive: true });
    appendFileSync(at("run/log.jsonl"), '{"step":6,"lr":0'); // cut off
    const { code, stdout } = await train(["--resume"]);
    expect(code).toBe(0);
    expect(stdout).toContain("steps 4 to 6 of 6");
    expect(bytesOf(at("run/checkpoints/step-6"))).toEqual(whole);
    expect(readFileSync(at("run/log.jsonl"), "utf8")).toBe(lines);
    expect(log().length).toBe(6);
  });

  test("for more steps than it was begun with, where its schedule stays", async () => {
    const [long, short] = [await place(recipe(usual)), await place(recipe(usual.replace("steps 6", "steps 3")))];
    expect((await long.train()).code).toBe(0);
    const begun = await short.train();
    expect(begun.stderr).toContain("tensor '3.0.pixel_values' and 5 others are of no step that is trained");
    writeFileSync(short.at("spec.cnx"), models + recipe(usual));
    expect((await short.train(["--resume"])).code).toBe(0);
    expect(bytesOf(short.at("run/checkpoints/step-6"))).toEqual(bytesOf(long.at("run/checkpoints/step-6")));
    expect(readFileSync(short.at("run/train.cnx"), "utf8")).toContain("steps       6");
    const { stdout } = await short.train(["--resume"]);
    expect(stdout).toContain("all 6 steps had been done");
  });

  test("from the last checkpoint that is whole", async () => {
    const { at, train } = await place(recipe(usual));
    expect((await train(["--save-every", "2"])).code).toBe(0);
    const whole = bytesOf(at("run/checkpoints/step-6"));
    rmSync(at("run/checkpoints/step-6"), { recursive: true });
    appendFileSync(at("run/checkpoints/step-4/model.safetensors"), "x");
    const { stderr, stdout } = await train(["--resume"]);
    expect(stderr).toContain(
      "the checkpoint is not whole: model.safetensors is not as it was written, and is passed over",
    );
    expect(stdout).toContain("steps 3 to 6 of 6");
    expect(bytesOf(at("run/checkpoints/step-6"))).toEqual(whole);
  });

  test("with the batches of the steps that it has done, whatever comes after them", async () => {
    const { at, train } = await place(recipe(usual.replace("steps 6", "steps 3")));
    expect((await train()).code).toBe(0);
    const kept = readFileSync(at("run/checkpoints/step-3/train.json"), "utf8");
    writeFileSync(at("spec.cnx"), models + recipe(usual));
    const spoil = (step: number) =>
      drawBatches(at("batches.safetensors"), shapes, 7, 1, (name, values) =>
        name === `${step}.0.targets` ? values.map(value => 1 - value) : values,
      );
    await spoil(2);
    const refused = await train(["--resume"]);
    expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining("data-differs")]);
    expect(refused.stderr).toContain("the data are not those that the run was begun with");
    expect(readFileSync(at("run/checkpoints/step-3/train.json"), "utf8")).toBe(kept);
    await spoil(3);
    expect((await train(["--resume"])).stdout).toContain("steps 4 to 6 of 6");
    await spoil(5);
    expect((await train(["--resume"])).code).toBe(4);
  });

  test("by no other recipe or model", async () => {
    const { at, train } = await place(recipe(usual));
    expect((await train()).code).toBe(0);
    const before = bytesOf(at("run/checkpoints/step-6"));
    writeFileSync(at("spec.cnx"), models + recipe(`${usual}  clip 1`));
    const recipes = await train(["--resume"]);
    expect(recipes.code).toBe(2);
    expect(recipes.stderr).toContain("the run was begun with 'clip none', but the spec says 'clip 1'");
    writeFileSync(
      at("spec.cnx"),
      models.replace("kernel_size 3  head classifier", "kernel_size 5  head classifier") + recipe(usual),
    );
    expect((await train(["--resume"])).stderr).toContain(
      "begun with 'kernel_size 3', but the spec says 'kernel_size 5'",
    );
    writeFileSync(at("spec.cnx"), models + recipe(usual.replace("steps 6", "steps 5")));
    expect((await train(["--resume"])).stderr).toContain("has done 6 steps, but the recipe asks for 5; raise steps");
    expect(bytesOf(at("run/checkpoints/step-6"))).toEqual(before);
  });

  test("by its own recipe too", async () => {
    const { at, train, folder } = await place(recipe(usual));
    await train(["--save-every", "3"]);
    rmSync(at("run/checkpoints/step-6"), { recursive: true });
    const words = ["--batches", at("batches.safetensors"), "-o", at("run"), "--resume"];
    expect(await cnxc(["train", path.join(folder, "run/train.cnx"), ...reference, ...words])).toMatchObject({
      code: 0,
    });
  });

  test("with a word where another version wrote the checkpoint", async () => {
    const { at, train } = await place(recipe(usual));
    await train();
    const folder = at("run/checkpoints/step-6");
    const text = readFileSync(path.join(folder, "train.json"), "utf8").replace(
      /"compiler": "[^"]*"/,
      '"compiler": "0.0.1"',
    );
    writeFileSync(path.join(folder, "train.json"), text);
    const manifest = JSON.parse(readFileSync(path.join(folder, "cnxc.manifest.json"), "utf8"));
    const entry = manifest.specs[0].files.find(({ path: file }: { readonly path: string }) => file === "train.json");
    Object.assign(entry, { size: text.length, sha256: createHash("sha256").update(text).digest("hex") });
    writeFileSync(path.join(folder, "cnxc.manifest.json"), JSON.stringify(manifest));
    const { code, stderr } = await train(["--resume"]);
    expect([code, stderr]).toEqual([0, expect.stringContaining("the checkpoint was written by cnxc 0.0.1")]);
  });

  test("never unasked, never in a folder of something else, and never from nothing", async () => {
    const { at, train, folder } = await place(recipe(usual));
    const missing = await train(["--resume"]);
    expect([missing.code, missing.stderr]).toEqual([6, expect.stringContaining("there is no run to resume")]);
    expect(existsSync(at("run"))).toBe(false);
    fill(folder, { "run/notes.txt": "mine" });
    const foreign = await train();
    expect([foreign.code, foreign.stderr]).toEqual([6, expect.stringContaining("it holds 'notes.txt'")]);
    expect(readdirSync(at("run"))).toEqual(["notes.txt"]);
    rmSync(at("run"), { recursive: true });
    expect((await train()).code).toBe(0);
    const again = await train();
    expect([again.code, again.stderr]).toEqual([6, expect.stringContaining("go on with it by --resume")]);
    for (const step of readdirSync(at("run/checkpoints"))) rmSync(at(`run/checkpoints/${step}/train.json`));
    const gone = await train(["--resume"]);
    expect([gone.code, gone.stderr]).toEqual([4, expect.stringContaining("none of the checkpoints is whole")]);
  });
});

describe("a run over a folder of pictures", () => {
  const folders = (folder: string, count = 10) => {
    for (let i = 0; i < count; i++) {
      const data = Buffer.from(
        Array.from({ length: 4 * 20 * 24 }, (_, k) => (k % 4 === 3 ? 255 : (k * (i + 3)) % 251)),
      );
      const file = path.join(folder, "pictures", "abcde"[i % 5] ?? "", `${i}.png`);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, writePng({ width: 20, height: 24, data }));
    }
  };
  const epochs = "train t { model m  batch 2  epochs 2  smoothing 0.1  drop_path 0.2 }";
  const over = (at: (name: string) => string, words: readonly string[] = []) =>
    cnxc(["train", at("spec.cnx"), ...reference, "--data", at("pictures"), "-o", at("run"), ...words]);

  test("counts epochs, and resumes in the middle of one to the same bits", async () => {
    const { folder, at, log } = await place(epochs, 1);
    folders(folder);
    expect((await over(at, ["--save-every", "3"])).stderr).not.toMatch(/error|warning/);
    // A fifth of the first epoch has passed then, of which half warmed up.
    const lr = (2 / 256) * 1.5e-4;
    expect(log()[1]?.lr).toBeCloseTo((lr * (1 + Math.cos((Math.PI * 0.1) / 1.9))) / 2, 18);
    expect(log().length).toBe(10);
    const whole = bytesOf(at("run/checkpoints/step-10"));
    for (const step of [9, 10]) rmSync(at(`run/checkpoints/step-${step}`), { recursive: true });
    const { stdout } = await over(at, ["--resume", "--save-every", "3"]);
    expect(stdout).toContain("steps 7 to 10 of 10");
    expect(bytesOf(at("run/checkpoints/step-10"))).toEqual(whole);
  });

  test("that are augmented goes on with the same recipe alone, to the same bits", async () => {
    const mixed = epochs.replace("}", " augment { crop 0.3..1  flip true  mixup 0.8  cutmix 1 } }");
    const { folder, at } = await place(mixed, 1);
    folders(folder);
    expect((await over(at, ["--save-every", "3"])).stderr).not.toMatch(/error|warning/);
    expect(readFileSync(at("run/train.cnx"), "utf8")).toContain("    crop   0.3..1\n    flip   true\n    mixup  0.8\n");
    const whole = bytesOf(at("run/checkpoints/step-10"));
    for (const step of [9, 10]) rmSync(at(`run/checkpoints/step-${step}`), { recursive: true });
    writeFileSync(at("spec.cnx"), models + mixed.replace("0.3..1", "0.4..1"));
    const other = await over(at, ["--resume"]);
    expect([other.code, other.stderr]).toEqual([2, expect.stringContaining("crop 0.3..1")]);
    writeFileSync(at("spec.cnx"), models + mixed);
    expect((await over(at, ["--resume"])).code).toBe(0);
    expect(bytesOf(at("run/checkpoints/step-10"))).toEqual(whole);
  });

  test("goes on with the same pictures alone, and never lies among them", async () => {
    const { folder, at } = await place(epochs, 1);
    folders(folder);
    const among = await cnxc([
      "train",
      at("spec.cnx"),
      ...reference,
      "--data",
      at("pictures"),
      "-o",
      at("pictures/run"),
    ]);
    expect([among.code, among.stderr]).toEqual([6, expect.stringContaining("the run would lie among the pictures")]);
    expect((await over(at)).code).toBe(0);
    folders(folder, 15);
    const other = await over(at, ["--resume"]);
    expect([other.code, other.stderr]).toEqual([4, expect.stringContaining("not those that the run was begun with")]);
  });
});

describe("a model of a spec without a recipe for it", () => {
  const small = "model s { depths [1]  dims [2]  input 4x4x1  kernel_size 1  head classifier { classes 2 } }\n";

  test("is trained by the defaults of recipes, for 100 epochs", async () => {
    const { at } = await place(small + recipe(usual), 1);
    const values = Float32Array.from({ length: 64 * 16 }, (_, i) => Math.sin(i * (1 + ((i >> 4) % 2))));
    await writeTensors(at("images.safetensors"), [
      f32Tensor("pixel_values", [64, 1, 4, 4], () => values),
      { name: "labels", dtype: "U8", shape: [64], bytes: () => Uint8Array.from({ length: 64 }, (_, i) => i % 2) },
    ]);
    const over = (words: readonly string[], run: string) =>
      cnxc(["train", at("spec.cnx"), ...reference, "--data", at("images.safetensors"), "-o", at(run), ...words]);
    const { code, stdout } = await over(["-m", "s"], "run");
    expect([code, stdout]).toEqual([0, expect.stringContaining("run: s, steps 1 to 100 of 100")]);
    writeFileSync(at("spec.cnx"), `${models}${small}train s { model s  epochs 100 }`);
    expect((await over(["-t", "s"], "other")).code).toBe(0);
    for (const file of ["train.cnx", "log.jsonl", "checkpoints/step-100/model.safetensors"])
      expect(readFileSync(at(`other/${file}`)).equals(readFileSync(at(`run/${file}`))), file).toBe(true);
  });
});

describe("what a run begins from", () => {
  test("keeps the names and layouts of its file", async () => {
    const { at, train } = await place(recipe(usual));
    expect((await train()).code).toBe(0);
    const file = at("run/checkpoints/step-6/model.safetensors");
    expect((await cnxc(["weights", "convert", file, "--to", "timm", "-o", at("timm.safetensors")])).code).toBe(0);
    rmSync(at("run"), { recursive: true });
    expect((await train(["-w", at("timm.safetensors")])).code).toBe(0);
    const trained = await readTensors(at("run/checkpoints/step-6/model.safetensors"));
    const given = await readTensors(at("timm.safetensors"));
    const forms = (tensors: typeof given) => [...tensors].map(([name, { shape }]) => `${name} ${shape}`);
    expect(forms(trained)).toEqual(forms(given));
    const state = await readTensors(at("run/checkpoints/step-6/state.safetensors"));
    expect(state.get("ema.stages.0.blocks.0.mlp.grn.weight")?.shape).toEqual([16]);
  });

  test("may be an encoder from pre-training, whose head is drawn", async () => {
    const { at, train } = await place(recipe(usual));
    const masked = "train p { model masked  batch 2  steps 1 }";
    writeFileSync(at("spec.cnx"), models + recipe(usual) + masked);
    const mask = { pixel_values: shapes.pixel_values, mask: [2, 4] };
    await drawBatches(at("masked.safetensors"), mask, 1, 1, (name, v) =>
      name.endsWith("mask") ? v.map((_, i) => i % 2) : v,
    );
    const pretrain = ["-t", "p", "--batches", at("masked.safetensors"), "-o", at("pretrained")];
    expect((await cnxc(["train", at("spec.cnx"), ...reference, ...pretrain])).code).toBe(0);
    const encoder = at("pretrained/checkpoints/step-1/model.safetensors");
    const { code, stderr } = await train(["-t", "t", "-w", encoder]);
    expect(code).toBe(0);
    expect(stderr).toContain("the file has no head, so that one is drawn");
    const trained = await readTensors(at("run/checkpoints/step-6/model.safetensors"));
    expect(trained.get("head.weight")?.shape).toEqual([5, 8]);
  });
});

describe("bad input is named, and leaves no run", () => {
  const cases: Readonly<
    Record<string, readonly [text: string, words: readonly string[], code: number, sentence: string]>
  > = {
    "no recipe": ["", [], 2, "declares no recipe of its own; write one, train NAME { … }"],
    "two recipes": [
      recipe(usual) + recipe(usual).replace("train t", "train u"),
      [],
      2,
      "name one recipe with --train: t, u",
    ],
    "an unknown recipe": [recipe(usual), ["-t", "tt"], 2, "the spec has no recipe 'tt', did you mean 't'?"],
    "a recipe and a model": [
      recipe(usual),
      ["-t", "t", "-m", "m"],
      2,
      "with --train or a model with --model, not both",
    ],
    "an unknown model": ["", ["-m", "maskd"], 2, "the spec has no model 'maskd', did you mean 'masked'?"],
    "a model without a loss": [
      "model f { depths [1]  dims [4]  input 4x4x1  head features {} }",
      ["-m", "f"],
      3,
      "model 'f' has head features, which has no loss",
    ],
    "epochs of ready batches": [recipe("epochs 2"), [], 2, "say in train t how many steps it runs"],
    "a step that is missing": [recipe("steps 7"), [], 4, "input '6.0.pixel_values' is missing"],
    "a micro-batch that is missing": [recipe("steps 6  accumulate 2"), [], 4, "input '0.1.pixel_values' is missing"],
    "a batch of another size": [
      recipe("steps 6").replace("batch 2", "batch 3"),
      [],
      4,
      "input '0.0.pixel_values' is F32 [2, 3, 16, 16], expected F32 [3, 3, 16, 16]",
    ],
    "drop path without its factors": [recipe("steps 6  drop_path 0.1"), [], 4, "input '0.0.keep' is missing"],
    "two kinds of data": [
      recipe(usual),
      ["--data", "."],
      2,
      "either pictures or tensors of images with --data or ready batches",
    ],
    "an executor that does not train": [recipe(usual), ["--on", "onnx"], 2, "Allowed choices are reference, webgpu"],
  };
  test.each(Object.entries(cases))("%s", async (_, [text, words, code, sentence]) => {
    const { at, train } = await place(text);
    const result = await train(words);
    expect(result.stderr).toContain(sentence);
    expect(result.code).toBe(code);
    expect(existsSync(at("run"))).toBe(false);
  });
});
