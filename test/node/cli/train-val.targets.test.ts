import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { cnxc } from "../../support/cli.ts";
import { fill, newFolder } from "../../support/folders.ts";
import { writePng } from "../../support/png.ts";
import { readTensors } from "../../support/tensors.ts";
import { drawBatches } from "./train.ts";

const side = 16;

/** Stripes that lie or stand, told by nothing but their direction. */
function stripes(lie: boolean, seed: number): Buffer {
  const data = Buffer.alloc(4 * side * side, 255);
  for (let at = 0; at < side * side; at++) {
    const along = lie ? Math.floor(at / side) : at % side;
    const light = (along + seed) % 4 < 2 ? 40 + (seed % 7) * 5 : 200 - (seed % 5) * 9;
    data.fill(light, 4 * at, 4 * at + 3);
  }
  return writePng({ width: side, height: side, data });
}

const body = `depths [1, 1]  dims [8, 16]  input ${side}x${side}x3  stem patch 2  kernel_size 3`;
const models = `model m { ${body}  head classifier { classes 2 } }
model ten { ${body}  head classifier { classes 10 } }
model masked { ${body}  head fcmae { patch_size 4  mask_ratio 0.5  decoder { depth 1  dim 8 } } }
`;
const classify = "train t { model m  batch 4  steps 4  ema 0.5  optimizer adamw { lr 1e-3 }  smoothing 0.1 }";
const mask = "train t { model masked  batch 4  steps 4  optimizer adamw { lr 1e-3 } }";

/** A folder with a spec, pictures to train on and pictures that are held out. */
function place(recipe: string, train = 12, held = 6) {
  const folder = newFolder();
  const at = (name: string) => path.join(folder, name);
  fill(folder, { "spec.cnx": models + recipe });
  for (const [name, count] of [
    ["data", train],
    ["val", held],
  ] as const)
    for (const kind of ["lying", "standing"]) {
      mkdirSync(at(`${name}/${kind}`), { recursive: true });
      for (let i = 0; i < count; i++)
        writeFileSync(at(`${name}/${kind}/${i}.png`), stripes(kind === "lying", i + (name === "val" ? 100 : 0)));
    }
  const run = (words: readonly string[] = [], data: readonly string[] = ["--data", at("data")]) =>
    cnxc(["train", at("spec.cnx"), "--on", "reference", ...data, "--val", at("val"), "-o", at("run"), ...words]);
  const rows = () =>
    readFileSync(at("run/evaluations.jsonl"), "utf8")
      .split("\n")
      .slice(0, -1)
      .map(line => JSON.parse(line) as Record<string, unknown>)
      .filter(line => "val" in line);
  return { folder, at, run, rows };
}

describe("pictures that are held out", () => {
  test("judge a classifier at every checkpoint, by its average and beside it by its weights", async () => {
    const { at, run, rows } = place(classify);
    const { code, stdout, stderr } = await run(["--save-every", "2"]);
    expect([code, stderr]).toEqual([0, expect.not.stringMatching(/error|warning/)]);
    expect(rows().map(({ step }) => step)).toEqual([2, 4]);
    expect(stderr).toMatch(/step 2 {2}validation: loss [\d.]+, top-1 [\d.]+ % of the average; loss/);
    expect(stdout).toMatch(/\nvalidation: loss [\d.]+, top-1 /);
    const [last] = rows().slice(-1) as unknown as readonly {
      val: Record<string, number>;
      val_weights: Record<string, number>;
    }[];
    expect(Object.keys(last?.val ?? {})).toEqual(["images", "loss", "top1"]);
    expect(last?.val_weights.images).toBe(12);

    // The same by another road: the weights of the checkpoint, and what cnxc classify says.
    const images = ["lying", "standing"].flatMap(kind => [0, 1, 2, 3, 4, 5].map(i => at(`val/${kind}/${i}.png`)));
    const weights = at("run/checkpoints/step-4/model.safetensors");
    const words = ["-m", "m", "-w", weights, "--on", "reference", "--json"];
    const told = JSON.parse((await cnxc(["classify", at("spec.cnx"), ...images, ...words])).stdout);
    const ranked = told.result.images as readonly { classes: readonly { class: number; probability: number }[] }[];
    const own = ranked.map(({ classes }, n) => classes.find(one => one.class === Math.floor(n / 6))?.probability ?? 0);
    const loss = own.reduce((sum, p) => sum - Math.log(p) / 12, 0);
    expect(last?.val_weights.loss).toBeCloseTo(loss, 6);
    const right = ranked.filter(({ classes }, n) => classes[0]?.class === Math.floor(n / 6)).length;
    expect(last?.val_weights.top1).toBe(right / 12);
  });

  test("are judged the same by a run that goes on", async () => {
    const { at, run } = place(classify);
    await run(["--save-every", "1"]);
    const log = readFileSync(at("run/evaluations.jsonl"), "utf8");
    for (const step of [3, 4]) rmSync(at(`run/checkpoints/step-${step}`), { recursive: true });
    expect(await run(["--save-every", "1", "--resume"])).toMatchObject({ code: 0 });
    expect(readFileSync(at("run/evaluations.jsonl"), "utf8")).toBe(log);
  });

  test("of ten classes tell top-5 too", async () => {
    const { at, run, rows } = place("train t { model ten  batch 2  steps 1 }");
    for (let k = 0; k < 8; k++)
      for (const name of ["data", "val"]) {
        mkdirSync(at(`${name}/more${k}`));
        writeFileSync(at(`${name}/more${k}/0.png`), stripes(k % 2 === 0, 40 + k));
      }
    expect(await run()).toMatchObject({ code: 0 });
    expect(rows()[0]?.val).toMatchObject({ images: 20, top5: expect.any(Number) });
  });

  test("judge an encoder by its neighbours and by a linear probe", async () => {
    const { run, rows } = place(mask);
    const { code, stderr } = await run(["--save-every", "4"]);
    expect([code, stderr]).toEqual([0, expect.not.stringMatching(/error|warning/)]);
    const [{ val }] = rows() as unknown as readonly [{ val: Record<string, number> }];
    expect(Object.keys(val)).toEqual(["images", "loss", "knn", "probe"]);
    expect(val.images).toBe(12);
    expect(val.loss).toBeGreaterThan(0);
    expect(val.probe).toBe(1);
    expect(val.knn).toBeGreaterThan(0.5);
  });

  test("judge a masked autoencoder by its loss alone where they are of no class, under masks that stay", async () => {
    const { at, folder, run, rows } = place("train t { model masked  batch 4  steps 2  optimizer adamw { lr 1e-30 } }");
    rmSync(at("val"), { recursive: true });
    mkdirSync(at("val"));
    for (let i = 0; i < 5; i++) writeFileSync(path.join(folder, `val/${i}.png`), stripes(i % 2 === 0, i));
    expect(await run(["--save-every", "1"])).toMatchObject({ code: 0 });
    const [first, second] = rows().map(({ val }) => val);
    expect(first).toEqual({ images: 5, loss: expect.any(Number) });
    expect(second).toEqual(first);
  });

  test("are at most so many, chosen by the seed", async () => {
    const { run, rows } = place(mask.replace("steps 4", "steps 1"));
    expect(await run(["--val-count", "5"])).toMatchObject({ code: 0 });
    expect(rows()[0]?.val).toMatchObject({ images: 5 });
  });

  test("may judge what is trained on ready batches", async () => {
    const { at, run, rows } = place("train t { model m  batch 2  steps 1 }");
    await drawBatches(at("b.safetensors"), { pixel_values: [2, 3, side, side], targets: [2, 2] }, 1);
    expect(await run([], ["--batches", at("b.safetensors")])).toMatchObject({ code: 0 });
    expect(rows()[0]?.val).toMatchObject({ images: 12 });
    expect((await readTensors(at("run/checkpoints/step-1/model.safetensors"))).size).toBeGreaterThan(5);
  });

  test("that cannot be decoded are left out", async () => {
    const { at, run, rows } = place(mask.replace("steps 4", "steps 2"));
    writeFileSync(at("val/lying/3.png"), "\x89PNG\r\n\x1a\nno");
    const { code, stderr } = await run();
    expect([code, stderr]).toEqual([0, expect.stringContaining("the picture cannot be decoded, and is left out")]);
    expect(rows()[0]?.val).toMatchObject({ images: 11 });
  });

  test("of which more than one in a hundred cannot be decoded are an error that costs no checkpoint", async () => {
    const { at, run } = place(classify);
    for (const i of [3, 4]) writeFileSync(at(`val/lying/${i}.png`), "\x89PNG\r\n\x1a\nno");
    const { code, stderr } = await run(["--save-every", "1"]);
    expect([code, stderr]).toEqual([4, expect.stringContaining("2 of 12 pictures cannot be read")]);
    expect((await readTensors(at("run/checkpoints/step-1/model.safetensors"))).size).toBeGreaterThan(5);
  });
});

describe("the report of a run", () => {
  const short = mask.replace("steps 4", "steps 10");

  test("has reconstructions at every checkpoint, and is the same where the run goes on", async () => {
    const { at, run } = place(short);
    expect(await run(["--save-every", "1"])).toMatchObject({ code: 0 });
    const [html, kept] = [readFileSync(at("run/report.html"), "utf8"), readFileSync(at("run/report.json"), "utf8")];
    expect(html.match(/<img src="data:image\/png;base64,/g)?.length).toBe(8 * 10);
    for (const kind of ["lying", "standing"]) expect(html).toContain(`alt="${kind}/`);
    expect(html).toContain(">after 10<");
    expect(JSON.parse(kept).columns.map(({ step }: { readonly step: number }) => step)).toEqual([
      1, 4, 5, 6, 7, 8, 9, 10,
    ]);
    const distances = readFileSync(at("run/evaluations.jsonl"), "utf8").match(
      /"channel_distance":\{"stages.0":0\.\d+,/g,
    );
    expect(distances?.length).toBe(10);
    for (const step of [9, 10]) rmSync(at(`run/checkpoints/step-${step}`), { recursive: true });
    const { stdout } = await run(["--save-every", "1", "--resume", "--json"]);
    expect(JSON.parse(stdout).outputs).toContainEqual({ path: "report.html", status: "written" });
    expect(readFileSync(at("run/report.html"), "utf8")).toBe(html);
    // Nothing is left to do, and the page is there again all the same.
    rmSync(at("run/report.html"));
    expect(await run(["--resume"])).toMatchObject({ code: 0 });
    expect(readFileSync(at("run/report.html"), "utf8")).toBe(html);
  });

  test("loses the earlier pictures where they cannot be read, and says so", async () => {
    const { at, run } = place(short.replace("steps 10", "steps 3  schedule cosine { total 10  warmup 1 }"));
    expect(await run()).toMatchObject({ code: 0 });
    const spec = readFileSync(at("spec.cnx"), "utf8");
    for (const [steps, text] of [
      ["4", "{ not json"],
      ["5", '{"format":1,"pictures":[],"columns":[{"step":3,"pictures":["https://elsewhere.test"],"losses":[]}]}'],
    ] as const) {
      writeFileSync(at("run/report.json"), text);
      writeFileSync(at("spec.cnx"), spec.replace("steps 3", `steps ${steps}`));
      const { code, stderr } = await run(["--resume"]);
      expect([code, stderr]).toEqual([0, expect.stringContaining("are left out of the report")]);
      expect(JSON.parse(readFileSync(at("run/report.json"), "utf8")).columns.length).toBe(1);
    }
  });

  test("begins its reconstructions anew where other pictures are held out", async () => {
    const { at, run } = place(short.replace("steps 10", "steps 3  schedule cosine { total 10  warmup 1 }"));
    expect(await run(["--save-every", "1"])).toMatchObject({ code: 0 });
    const [before, spec] = [readFileSync(at("run/report.json"), "utf8"), readFileSync(at("spec.cnx"), "utf8")];
    expect(JSON.parse(before).columns.length).toBe(3);
    for (let i = 0; i < 6; i++) writeFileSync(at(`val/lying/${i}.png`), stripes(false, 200 + i));
    writeFileSync(at("spec.cnx"), spec.replace("steps 3", "steps 4"));
    expect(await run(["--resume"])).toMatchObject({ code: 0, stderr: expect.not.stringContaining("warning") });
    expect(JSON.parse(readFileSync(at("run/report.json"), "utf8")).columns.length).toBe(1);
  });

  test("shows pictures that are trained on where none are held out, and of a classifier none", async () => {
    const { at } = place(mask);
    const words = ["--on", "reference", "--data", at("data"), "-o"];
    expect(await cnxc(["train", at("spec.cnx"), ...words, at("run")])).toMatchObject({ code: 0 });
    expect(readFileSync(at("run/report.html"), "utf8")).toContain('alt="lying/');
    expect(readFileSync(at("run/evaluations.jsonl"), "utf8")).toMatch(/^\{"step":4,"channel_distance":\{/);
    const classifier = place(classify);
    expect(await classifier.run()).toMatchObject({ code: 0 });
    expect(readFileSync(classifier.at("run/report.html"), "utf8")).not.toContain("<img");
    expect(existsSync(classifier.at("run/report.json"))).toBe(false);
  });
});

describe("bad input about them is named, and leaves no run", () => {
  type Place = ReturnType<typeof place>;
  const cases: Readonly<
    Record<string, readonly [change: (place: Place) => void, words: readonly string[], code: number, sentence: string]>
  > = {
    "a class that is not trained on": [
      ({ at }) => {
        mkdirSync(at("val/oblique"));
        writeFileSync(at("val/oblique/0.png"), stripes(true, 1));
      },
      [],
      4,
      "the folder 'oblique' is no class of the pictures that are trained on",
    ],
    "pictures of no class": [
      ({ at }) => {
        rmSync(at("val"), { recursive: true });
        mkdirSync(at("val"));
        writeFileSync(at("val/0.png"), stripes(true, 1));
      },
      [],
      4,
      "the pictures are of no class",
    ],
    "no pictures": [({ at }) => rmSync(at("val"), { recursive: true }), [], 6, "val"],
    "a run among them": [() => {}, ["-o", "val/run"], 6, "the run would lie among the pictures"],
    "none to use": [() => {}, ["--val-count", "0"], 2, "it is a whole number from 1"],
  };
  test.each(Object.entries(cases))("%s", async (_, [change, words, code, sentence]) => {
    const made = place(classify);
    change(made);
    const placed = words.map(word => (word === "val/run" ? made.at(word) : word));
    const to = words.includes("-o") ? [] : ["-o", made.at("run")];
    const on = ["--on", "reference", "--data", made.at("data"), "--val", made.at("val")];
    const result = await cnxc(["train", made.at("spec.cnx"), ...on, ...to, ...placed]);
    expect([result.code, result.stderr]).toEqual([code, expect.stringContaining(sentence)]);
    expect(() => readFileSync(made.at("run/log.jsonl"))).toThrow();
  });

  test("a number of them without a folder", async () => {
    const { at } = place(classify);
    const words = ["--on", "reference", "--data", at("data"), "-o", at("run"), "--val-count", "9"];
    const { code, stderr } = await cnxc(["train", at("spec.cnx"), ...words]);
    expect([code, stderr]).toEqual([2, expect.stringContaining("but there is no --val")]);
  });
});
