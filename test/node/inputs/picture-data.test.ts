import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import type { Recipe } from "../../../src/model/model.ts";
import { openPictures } from "../../../src/node/inputs/picture-data.ts";
import { maskProblem } from "../../../src/runtime/mask.ts";
import { uniformStream } from "../../../src/weights/made/streams.ts";
import { newFolder } from "../../support/folders.ts";
import { writePng } from "../../support/png.ts";
import { checkText, errorsOf, must } from "../../syntax/support.ts";

const body = "depths [1, 1, 1]  dims [4, 4, 4]  stem patch 1";
const models = `model m { ${body}  input 4x4x3  head classifier { classes 2 } }
model wide { ${body}  input 4x8x3  head classifier { classes 2 } }
model masked { ${body}  input 8x8x3  head fcmae { patch_size 4  decoder { dim 4 } } }
`;

/** A recipe over a folder, whose pictures so many threads decode. */
function open(folder: string, text: string, threads = 2) {
  const program = must(checkText(`${models}train t { ${text} }`));
  const recipe = program.recipes.get("t") as Recipe;
  const model = program.models.get(recipe.model);
  if (model === undefined) throw new Error("no model");
  return openPictures(folder, { model, recipe }, threads);
}

/** A picture of one colour, by which it is known again. */
function paint(file: string, grey: number): void {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const data = Buffer.alloc(4 * 16 * 16, grey);
  for (let i = 3; i < data.length; i += 4) data[i] = 255;
  fs.writeFileSync(file, writePng({ width: 16, height: 16, data }));
}

/** So many pictures, of two classes in turn where they have classes. */
function paintAll(count: number, classes = true): string {
  const folder = newFolder();
  for (let i = 0; i < count; i++) {
    const name = `${String(i).padStart(3, "0")}.png`;
    paint(path.join(folder, ...(classes ? [i % 2 === 0 ? "cat" : "dog", name] : [name])), i * 4);
  }
  return folder;
}

/** Which pictures a run shows, step by step: their greys, out of their normalised red. */
async function shown(data: Exclude<ReturnType<typeof open>, { ok: false }>["value"], accumulate: number) {
  const steps: number[][] = [];
  for (let step = 0; step < data.steps; step++) {
    const greys: number[] = [];
    for (let micro = 0; micro < accumulate; micro++) {
      const { shape, data: pixels } = must(await data.read(step, micro)).get("pixel_values") ?? { shape: [], data: [] };
      const size = pixels.length / (shape[0] ?? 1);
      for (let i = 0; i < (shape[0] ?? 0); i++)
        greys.push(Math.abs(Math.round(((pixels[i * size] ?? 0) * 0.229 + 0.485) * 255)) / 4);
    }
    steps.push(greys);
  }
  return steps;
}

const sorted = (values: readonly number[]) => [...values].sort((a, b) => a - b);

describe("a folder of pictures", () => {
  test("is shown once an epoch, in an order of the epoch's own, with the label of its folder", async () => {
    const data = must(open(paintAll(12), "model m  batch 2  accumulate 3  epochs 3"));
    expect([data.steps, data.stepsPerUnit]).toEqual([6, 2]);
    const steps = await shown(data, 3);
    const epochs = [0, 1, 2].map(e => steps.slice(2 * e, 2 * e + 2).flat());
    for (const epoch of epochs) expect(sorted(epoch)).toEqual(Array.from({ length: 12 }, (_, i) => i));
    expect(epochs[0]).not.toEqual(epochs[1]);
    expect(epochs[0]).not.toEqual(sorted(epochs[0] ?? []));
    const targets = must(await data.read(0, 1)).get("targets")?.data ?? [];
    const labels = (steps[0] ?? []).slice(2, 4).map(number => number % 2);
    expect([...targets]).toEqual(labels.flatMap(label => [1 - label, label]));
  });

  test("is shown in the same order however a step is cut into micro-batches, and whoever asks when", async () => {
    const folder = paintAll(12);
    const one = await shown(must(open(folder, "model m  batch 4  epochs 2  seed 5")), 1);
    const four = must(open(folder, "model m  batch 1  accumulate 4  epochs 2  seed 5"));
    expect(await shown(four, 4)).toEqual(one);
    expect(await shown(must(open(folder, "model m  batch 4  epochs 2  seed 6")), 1)).not.toEqual(one);
    const again = must(open(folder, "model m  batch 4  epochs 2  seed 5"));
    const late = must(await again.read(5, 0)).get("pixel_values");
    expect(late).toEqual(
      must(await must(open(folder, "model m  batch 4  epochs 2  seed 5")).read(5, 0)).get("pixel_values"),
    );
  });

  test("leaves for another epoch what does not fill a step", async () => {
    const data = must(open(paintAll(11), "model m  batch 4  epochs 8"));
    expect(data.steps).toBe(16);
    const steps = await shown(data, 1);
    for (let epoch = 0; epoch < 8; epoch++) expect(new Set(steps.slice(2 * epoch, 2 * epoch + 2).flat()).size).toBe(8);
    expect(new Set(steps.flat()).size).toBe(11);
  });

  test("smooths its labels and drops blocks as the recipe says, image by image", async () => {
    const data = must(open(paintAll(40), "model m  batch 40  steps 30  smoothing 0.2  drop_path 0.5"));
    const inputs = must(await data.read(0, 0));
    expect(sorted([...new Set(inputs.get("targets")?.data)])).toEqual([0.1, 0.9].map(Math.fround));
    const dropped = [0, 0, 0];
    for (let step = 0; step < 30; step++) {
      const { shape, data: keep } = must(await data.read(step, 0)).get("keep") ?? { shape: [], data: [] };
      expect(shape).toEqual([40, 3]);
      for (const [i, value] of [...keep].entries()) {
        const rate = [0, 0.25, 0.5][i % 3] ?? 0;
        if (value === 0) dropped[i % 3] = (dropped[i % 3] ?? 0) + 1;
        else expect(value).toBe(Math.fround(1 / (1 - rate)));
      }
    }
    // 1,200 images: standard errors of 15 and 17.
    expect(dropped[0]).toBe(0);
    expect(Math.abs((dropped[1] ?? 0) - 300)).toBeLessThan(60);
    expect(Math.abs((dropped[2] ?? 0) - 600)).toBeLessThan(70);
  });

  test("has a mask of its own for every image of a run", async () => {
    const data = must(open(paintAll(8, false), "model masked  batch 4  steps 20"));
    const masks = new Set<string>();
    for (let step = 0; step < 20; step++) {
      const mask = must(await data.read(step, 0)).get("mask")?.data ?? new Float32Array();
      expect(maskProblem(mask, { patches: 4, keep: 1 })).toBeNull();
      masks.add(mask.join());
    }
    expect(masks.size).toBeGreaterThan(15);
  });
});

/** Pictures of noise, so that any other cut of them differs. */
function noise(count: number, size: { readonly width: number; readonly height: number }): string {
  const folder = newFolder();
  const next = uniformStream("noise");
  for (let i = 0; i < count; i++) {
    const data = Buffer.from(
      Array.from({ length: 4 * size.width * size.height }, () => Math.floor((next() + 1) * 128)),
    );
    for (let at = 3; at < data.length; at += 4) data[at] = 255;
    const file = path.join(folder, i % 2 === 0 ? "cat" : "dog", `${i}.png`);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, writePng({ ...size, data }));
  }
  return folder;
}

/** All that a run learns from, image by image, whatever its micro-batches are. */
async function images(folder: string, text: string, accumulate: number, threads = 2) {
  const data = must(open(folder, text, threads));
  const all: number[][] = [];
  for (let step = 0; step < data.steps; step++)
    for (let micro = 0; micro < accumulate; micro++)
      for (const { shape, data: values } of must(await data.read(step, micro)).values()) {
        const size = values.length / (shape[0] ?? 1);
        for (let i = 0; i < (shape[0] ?? 0); i++) all.push([...values.subarray(i * size, (i + 1) * size)]);
      }
  await data.close();
  return all.map(values => values.join()).sort();
}

describe("augmented pictures", () => {
  const changed = "epochs 3  smoothing 0.1  augment { crop 0.2..1  flip true  mixup 0.8  cutmix 1 }";

  test("have the same bits however a step is cut into micro-batches, and others for another seed", async () => {
    const folder = noise(12, { width: 9, height: 8 });
    const whole = await images(folder, `model m  batch 4  ${changed}`, 1);
    expect(await images(folder, `model m  batch 2  accumulate 2  ${changed}`, 2)).toEqual(whole);
    expect(await images(folder, `model m  batch 4  ${changed}  seed 1`, 1)).not.toEqual(whole);
    expect(new Set(whole.filter(values => values.split(",").length > 2)).size).toBe(36);
  });

  test("have the same bits whatever the number of threads, and though one of them is broken", async () => {
    const folder = noise(12, { width: 9, height: 8 });
    fs.writeFileSync(path.join(folder, "cat/4.png"), "no picture");
    const one = await images(folder, `model m  batch 6  ${changed}`, 1, 1);
    for (const threads of [3, 8]) expect(await images(folder, `model m  batch 6  ${changed}`, 1, threads)).toEqual(one);
  });

  test("have labels that are mixed with them, and are still one", async () => {
    const data = must(open(noise(8, { width: 8, height: 8 }), `model m  batch 8  ${changed}`));
    const { data: targets = [] } = must(await data.read(0, 0)).get("targets") ?? {};
    const rows = [0, 1, 2, 3, 4, 5, 6, 7].map(i => targets.slice(2 * i, 2 * i + 2));
    for (const row of rows) expect((row[0] ?? 0) + (row[1] ?? 0)).toBeCloseTo(1, 6);
    // Of two images what one keeps the other gives.
    for (const i of [0, 2, 4, 6]) {
      const sum = [...(rows[i] ?? [])].map((value, k) => value + (rows[i + 1]?.[k] ?? 0));
      expect([0, 1, 2].some(cats => Math.abs((sum[0] ?? 0) - (cats * 0.9 + 0.1)) < 1e-6)).toBe(true);
    }
  });

  test("that are cut whole and not mirrored are what they are without", async () => {
    const folder = noise(4, { width: 10, height: 9 });
    const plain = await images(folder, "model wide  batch 2  epochs 1", 1);
    expect(await images(folder, "model wide  batch 2  epochs 1  augment { crop 1..1 }", 1)).toEqual(plain);
    expect(await images(folder, "model wide  batch 2  epochs 1  augment { crop 0.9..0.9 }", 1)).not.toEqual(plain);
  });

  test("are mirrored in half of the cases, image by image", async () => {
    const folder = noise(2, { width: 8, height: 8 });
    const seen = new Map<string, number>();
    const data = must(open(folder, "model m  batch 2  steps 200  augment { flip true }"));
    for (let step = 0; step < 200; step++) {
      const pixels = must(await data.read(step, 0)).get("pixel_values")?.data ?? new Float32Array();
      for (const image of [pixels.subarray(0, pixels.length / 2), pixels.subarray(pixels.length / 2)])
        seen.set(image.join(), (seen.get(image.join()) ?? 0) + 1);
    }
    expect(seen.size).toBe(4);
    // Binomial of 200: standard error 7.
    for (const times of seen.values()) expect(Math.abs(times - 100)).toBeLessThan(35);
  });
});

describe("what is wrong with a folder", () => {
  const told = (result: ReturnType<typeof open>) => errorsOf(result).map(({ code, message }) => `${code}: ${message}`);
  const usual = "model m  batch 2  epochs 1";

  test("is told before anything is read", () => {
    const empty = newFolder();
    expect(told(open(empty, usual))).toEqual([expect.stringContaining("no-pictures")]);
    expect(told(open(path.join(empty, "none"), usual))).toEqual([expect.stringContaining("file-not-found")]);
    expect(told(open(paintAll(4, false), usual))).toEqual([
      "classes-differ: the pictures are of no class; put those of each of the 2 classes of model 'm' into a folder",
    ]);
    const third = paintAll(4);
    paint(path.join(third, "emu/1.png"), 0);
    expect(told(open(third, usual))).toEqual([
      expect.stringContaining("the folder has 3 classes, but model 'm' tells 2 apart"),
    ]);
    fs.rmSync(path.join(third, "emu/1.png"));
    expect(told(open(third, usual))).toEqual([expect.stringContaining("class-empty")]);
    const mixed = paintAll(4);
    paint(path.join(mixed, "1.png"), 0);
    expect(told(open(mixed, usual))).toEqual([
      expect.stringContaining("such as '1.png', beside folders, such as 'cat'"),
    ]);
    expect(told(open(paintAll(4), "model m  batch 2  accumulate 3  epochs 1"))).toEqual([
      "pictures-few: there are 4 pictures, but a step takes 6; lower batch or accumulate",
    ]);
  });

  test("a picture that cannot be decoded is passed over and told; more than one in a hundred end the run", async () => {
    const folder = paintAll(12);
    fs.writeFileSync(path.join(folder, "dog/003.png"), "no picture");
    const data = must(open(folder, "model m  batch 12  epochs 1"));
    const { data: targets = [] } = must(await data.read(0, 0)).get("targets") ?? {};
    expect(targets.length).toBe(24);
    expect(data.odd().map(({ code }) => code)).toEqual(["pictures-passed-over"]);
    fs.writeFileSync(path.join(folder, "cat/000.png"), "nor this");
    const read = await must(open(folder, "model m  batch 12  epochs 1")).read(0, 0);
    expect(errorsOf(read).map(({ message }) => message)).toEqual([
      "2 of 12 pictures cannot be read, more than one in a hundred; remove those that are none, and begin another run",
    ]);
  });

  test("is the same whoever reads ahead how far, and told in the order of what is shown", async () => {
    const folder = paintAll(300, false);
    for (const name of ["003", "100", "200", "299"]) fs.writeFileSync(path.join(folder, `${name}.png`), "no picture");
    const told = await Promise.all(
      [1, 2, 5].map(async threads => {
        const data = must(open(folder, "model masked  batch 10  epochs 1", threads));
        const seen: string[] = [];
        for (let step = 0; step < data.steps; step++) {
          const read = await data.read(step, 0);
          seen.push(
            read.ok
              ? data
                  .odd()
                  .map(({ place }) => JSON.stringify(place))
                  .join()
              : (errorsOf(read)[0]?.message ?? ""),
          );
        }
        return seen;
      }),
    );
    expect(told[0]?.filter(what => what.includes("4 of 300 pictures cannot be read")).length).toBe(1);
    expect(told[1]).toEqual(told[0]);
    expect(told[2]).toEqual(told[0]);
  });

  test("a picture that changes or goes away while it is read is passed over, and said", async () => {
    const folder = paintAll(4, false);
    const data = must(open(folder, "model masked  batch 4  epochs 1"));
    fs.appendFileSync(path.join(folder, "001.png"), "more");
    expect((await data.read(0, 0)).ok).toBe(true);
    expect(data.odd().map(({ notes }) => notes[0]?.message)).toEqual([
      expect.stringMatching(/^the file had \d+ bytes when the folder was looked at, and has \d+ now$/),
    ]);
    const other = must(open(folder, "model masked  batch 4  epochs 1"));
    fs.rmSync(path.join(folder, "002.png"));
    expect((await other.read(0, 0)).ok).toBe(true);
    expect(other.odd().map(({ message, notes }) => [message, notes[0]?.message])).toEqual([
      ["the picture cannot be read, and the next was shown in its place", expect.stringContaining("no such file")],
    ]);
  });

  test("a folder of a single picture that is none is an error", async () => {
    const folder = newFolder();
    fs.writeFileSync(path.join(folder, "a.png"), "no picture");
    const read = await must(open(folder, "model masked  batch 1  epochs 1")).read(0, 0);
    expect(errorsOf(read).map(({ code }) => code)).toEqual(["pictures-broken"]);
  });

  test("what a folder holds is known again by its names and sizes", async () => {
    const folder = paintAll(4);
    const hash = () => must(open(folder, usual)).sha256(0);
    const before = await hash();
    expect(await hash()).toBe(before);
    paint(path.join(folder, "cat/more.png"), 9);
    expect(await hash()).not.toBe(before);
  });
});
