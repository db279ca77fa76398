import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import type { Recipe } from "../../../src/model/model.ts";
import { tensorExamples } from "../../../src/node/inputs/examples/tensor-examples.ts";
import { openPictures } from "../../../src/node/inputs/picture-data.ts";
import { openTensors } from "../../../src/node/inputs/tensor-data.ts";
import { uniformStream } from "../../../src/weights/made/streams.ts";
import type { TensorData } from "../../../src/weights/tensor.ts";
import { newFolder } from "../../support/folders.ts";
import { npy, npyHeader } from "../../support/pickle-writer.ts";
import { writePng } from "../../support/png.ts";
import { fileOf } from "../../support/tensor-file.ts";
import { writeTensors } from "../../support/tensors.ts";
import { zip } from "../../support/zip-writer.ts";
import { checkText, errorsOf, must } from "../../syntax/support.ts";

const body = "depths [1, 1, 1]  dims [4, 4, 4]  stem patch 1";
const models = `model rgb { ${body}  input 4x8x3  head classifier { classes 2 } }
model five { ${body}  input 4x4x5  head classifier { classes 3 } }
model masked { ${body}  input 8x4x2  head fcmae { patch_size 4  mask_ratio 0.5  decoder { dim 4 } } }
`;

function request(text: string) {
  const program = must(checkText(`${models}train t { ${text} }`));
  const recipe = program.recipes.get("t") as Recipe;
  const model = program.models.get(recipe.model);
  if (model === undefined) throw new Error("no model");
  return { model, recipe };
}

const open = (file: string, text: string) => openTensors(file, request(text));

const bytesOf = (values: Float32Array | Uint8Array | BigInt64Array | Int32Array | Float64Array) =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

/** A tensor to be written. */
const row = (
  name: string,
  dtype: TensorData["dtype"],
  shape: readonly number[],
  values: Parameters<typeof bytesOf>[0],
) => ({
  name,
  dtype,
  shape,
  bytes: () => bytesOf(values),
});

const floats = (count: number) => {
  const next = uniformStream("floats");
  return Float32Array.from({ length: count }, next);
};
const whole = (count: number) => Uint8Array.from(floats(count), value => (value + 1) * 128);

async function written(rows: readonly TensorData[], name = "data.safetensors"): Promise<string> {
  const file = path.join(newFolder(), name);
  await writeTensors(file, rows);
  return file;
}

/** Everything that a run reads. */
async function all(opened: Awaited<ReturnType<typeof open>> | ReturnType<typeof openPictures>) {
  const data = must(opened);
  const steps: Record<string, number[]>[] = [];
  for (let step = 0; step < data.steps; step++)
    steps.push(Object.fromEntries([...must(await data.read(step, 0))].map(([name, { data }]) => [name, [...data]])));
  await data.close();
  return steps;
}

const five = (count: number) => [
  row("pixel_values", "F32", [count, 5, 4, 4], floats(count * 80)),
  row(
    "labels",
    "I64",
    [count],
    BigInt64Array.from({ length: count }, (_, i) => BigInt(i % 3)),
  ),
];

describe("tensors of images", () => {
  test("of F32 are shown as they are, of any number of channels, with their labels", async () => {
    const steps = await all(await open(await written(five(6)), "model five  batch 2  epochs 2"));
    expect(steps.length).toBe(6);
    const values = floats(6 * 80);
    const shown = steps.flatMap(({ pixel_values = [], targets = [] }) =>
      [0, 1].map(i => {
        const image = pixel_values.slice(80 * i, 80 * i + 80);
        const number = [0, 1, 2, 3, 4, 5].find(n => values.slice(80 * n, 80 * n + 80).join() === image.join());
        expect(targets.slice(3 * i, 3 * i + 3).indexOf(1)).toBe((number ?? Number.NaN) % 3);
        return number;
      }),
    );
    expect(shown.slice(0, 6).sort()).toEqual([0, 1, 2, 3, 4, 5]);
    expect(shown.slice(6).sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test("are the same in every kind of file, and whether they are read whole or in parts", async () => {
    const text = "model five  batch 2  epochs 1  augment { flip true  mixup 0.8  cutmix 1 }";
    const file = await written(five(4));
    const steps = await all(await open(file, text));
    const [images, labels] = [bytesOf(floats(320)), bytesOf(Int32Array.of(0, 1, 2, 0))];
    const npz = path.join(newFolder(), "data.npz");
    const parts = [
      { name: "pixel_values.npy", data: npy(npyHeader("<f4", [4, 5, 4, 4]), images) },
      { name: "labels.npy", data: npy(npyHeader("<i4", [4]), labels) },
    ];
    fs.writeFileSync(npz, zip(parts));
    expect(await all(await open(npz, text))).toEqual(steps);
    const tensors = fileOf([{ name: "pixel_values", shape: [4, 5, 4, 4], bytes: images }]);
    const image = { ...(tensors.tensors.get("pixel_values") ?? expect.fail()), dtype: "F32" as const };
    const inParts = {
      ...tensors,
      bytes: () => expect.fail("it was read whole"),
      range: async (_: string, from: number, length: number) => images.slice(from, from + length),
    };
    const { model, recipe } = request(text);
    const showing = { input: model.input, preprocess: model.preprocess, augment: recipe.augment, seed: 0 };
    const found = { images: image, labels: null, sha256: "" };
    const [one, other] = [
      await tensorExamples({ ...found, file: tensors }, showing, async () => {}),
      await tensorExamples({ ...found, file: inParts }, showing, async () => {}, 0),
    ];
    const wanted = [3, 0, 2].map((example, i) => ({ example, image: i }));
    expect(await other.show(wanted)).toEqual(await one.show(wanted));
  });

  test("of U8 are what pictures of the same pixels are", async () => {
    const folder = newFolder();
    const values = whole(4 * 96);
    for (let n = 0; n < 4; n++) {
      const data = Buffer.alloc(4 * 32, 255);
      for (let c = 0; c < 3; c++) for (let i = 0; i < 32; i++) data[4 * i + c] = values[96 * n + 32 * c + i] ?? 0;
      // Classes in turn in the order of their folders.
      const file = path.join(folder, n < 2 ? "a" : "b", `${n}.png`);
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.writeFileSync(file, writePng({ width: 8, height: 4, data }));
    }
    const file = await written([
      row("pixel_values", "U8", [4, 3, 4, 8], values),
      row("labels", "U8", [4], Uint8Array.of(0, 0, 1, 1)),
    ]);
    for (const augment of ["", "augment { crop 0.3..1  flip true  mixup 0.8 }"]) {
      const text = `model rgb  batch 2  epochs 2  smoothing 0.1  ${augment}`;
      expect(await all(await open(file, text))).toEqual(await all(openPictures(folder, request(text))));
    }
  });

  test("of U8 and other channels than RGB are parts of 255, and cut too", async () => {
    const values = whole(2 * 80);
    const labels = row("labels", "I64", [2], BigInt64Array.of(1n, 1n));
    const file = await written([row("pixel_values", "U8", [2, 5, 4, 4], values), labels]);
    const [plain] = await all(await open(file, "model five  batch 2  steps 1"));
    const shown = new Set([0, 1].map(i => plain?.pixel_values?.slice(80 * i, 80 * i + 80).join()));
    for (const n of [0, 1])
      expect(shown).toContain([...values.slice(80 * n, 80 * n + 80)].map(value => Math.fround(value / 255)).join());
    const [cut] = await all(await open(file, "model five  batch 2  steps 1  augment { crop 0.3..0.5 }"));
    expect(cut?.pixel_values).not.toEqual(plain?.pixel_values);
  });

  test("of an .npy alone do for what has no labels", async () => {
    const file = path.join(newFolder(), "images.npy");
    fs.writeFileSync(file, npy(npyHeader("<f4", [4, 2, 8, 4]), bytesOf(floats(256))));
    const steps = await all(await open(file, "model masked  batch 2  epochs 1"));
    expect(steps.map(inputs => Object.keys(inputs))).toEqual(Array(2).fill(["pixel_values", "mask"]));
    expect(errorsOf(await open(file, "model five  batch 2  epochs 1")).map(({ message }) => message)).toEqual([
      "input 'pixel_values' is F32 [4, 2, 8, 4], expected F32 or U8 [N, 5, 4, 4]",
      "input 'labels' is missing, the file holds pixel_values, expected a whole number for each image, such as I64 [N]",
    ]);
    const turned = path.join(newFolder(), "turned.npy");
    const columns = new Float32Array(256);
    floats(256).forEach((value, i) => {
      const [n, c, y, x] = [Math.floor(i / 64), Math.floor(i / 32) % 2, Math.floor(i / 4) % 8, i % 4];
      columns[n + 4 * (c + 2 * (y + 8 * x))] = value;
    });
    fs.writeFileSync(turned, npy(npyHeader("<f4", [4, 2, 8, 4], true), bytesOf(columns)));
    expect(await all(await open(turned, "model masked  batch 2  epochs 1"))).toEqual(steps);
  });

  test("that are not trained on are named", async () => {
    const file = await written([...five(2), row("weights", "F32", [2], floats(2))]);
    const opened = await open(file, "model five  batch 2  epochs 1");
    expect(opened.diagnostics.map(({ code, message }) => [code, message])).toEqual([
      ["data-unused", "tensor 'weights' is not trained on"],
    ]);
    await must(opened).close();
  });

  test("are known again by what they hold, and not by their file", async () => {
    const hash = async (rows: readonly TensorData[]) => {
      const data = must(await open(await written(rows), "model five  batch 2  epochs 1"));
      await data.close();
      return data.sha256(0);
    };
    const before = await hash(five(4));
    expect(await hash(five(4))).toBe(before);
    const changed = floats(320);
    changed[300] = 0;
    expect(await hash([row("pixel_values", "F32", [4, 5, 4, 4], changed), ...five(4).slice(1)])).not.toBe(before);
    const labels = row("labels", "I64", [4], BigInt64Array.of(0n, 1n, 2n, 1n));
    expect(await hash([...five(4).slice(0, 1), labels])).not.toBe(before);
  });
});

describe("what is wrong with tensors is told", () => {
  const labels = (values: readonly number[]) =>
    row("labels", "I64", [values.length], BigInt64Array.from(values, BigInt));
  const images = row("pixel_values", "F32", [2, 5, 4, 4], floats(160));
  const cases: Readonly<Record<string, readonly [rows: readonly TensorData[], sentence: string, more?: string]>> = {
    "no images": [
      [labels([0, 1])],
      "input 'pixel_values' is missing, the file holds labels, expected F32 or U8 [N, 5, 4, 4]",
    ],
    "images of another type": [
      [row("pixel_values", "F64", [2, 5, 4, 4], new Float64Array(160)), labels([0, 1])],
      "input 'pixel_values' is F64 [2, 5, 4, 4], expected F32 or U8 [N, 5, 4, 4]",
    ],
    "images of another size": [
      [row("pixel_values", "F32", [2, 5, 4, 8], new Float32Array(320)), labels([0, 1])],
      "is F32 [2, 5, 4, 8], expected F32 or U8 [N, 5, 4, 4]",
    ],
    "an image without a batch": [
      [row("pixel_values", "F32", [5, 4, 4], new Float32Array(80)), labels([0, 1])],
      "is F32 [5, 4, 4], expected F32 or U8 [N, 5, 4, 4]",
    ],
    "no labels": [[images], "input 'labels' is missing, the file holds pixel_values"],
    "labels that are no whole numbers": [
      [images, row("labels", "F32", [2], new Float32Array(2))],
      "input 'labels' is F32 [2], expected a whole number for each image, such as I64 [2]",
    ],
    "labels of fewer images": [
      [images, labels([1])],
      "input 'labels' is I64 [1], expected a whole number for each image",
    ],
    "labels of rows": [
      [images, row("labels", "I64", [2, 3], new BigInt64Array(6))],
      "input 'labels' is I64 [2, 3], expected a whole number for each image",
    ],
    "a label above the classes": [[images, labels([0, 3])], "label 1 is 3, but model 'five' has classes 0 to 2"],
    "a label below 0": [[images, labels([-1, 0])], "label 0 is -1, but model 'five' has classes 0 to 2"],
    "a crop of floats": [
      [images, labels([0, 1])],
      "train t crops, which resizes values of 8 bits, and the tensor is F32; leave crop out, or give it as U8",
      "augment { crop 0.5..1 }",
    ],
    "fewer images than a step takes": [
      [images, labels([0, 1])],
      "there are 2 pictures, but a step takes 4; lower batch or accumulate",
      "accumulate 2",
    ],
  };
  test.each(Object.entries(cases))("%s", async (_, [rows, sentence, more = ""]) => {
    const problems = errorsOf(await open(await written(rows), `model five  batch 2  epochs 1  ${more}`));
    expect(problems.map(({ message }) => message)).toEqual([expect.stringContaining(sentence)]);
  });

  test("a file that is no file of tensors", async () => {
    const file = path.join(newFolder(), "data.txt");
    fs.writeFileSync(file, "pixel_values: 1 2 3");
    expect((await open(file, "model five  batch 2  epochs 1")).ok).toBe(false);
    const short = path.join(newFolder(), "short.npy");
    fs.writeFileSync(short, npy(npyHeader("<f4", [4, 2, 8, 4]), new Uint8Array(100)));
    expect(errorsOf(await open(short, "model masked  batch 2  epochs 1")).map(({ code }) => code)).toEqual([
      "npy-size",
    ]);
  });
});
