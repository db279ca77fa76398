import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import jpeg from "jpeg-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fitPicture } from "../../../src/preprocess/fit.ts";
import { toBatch } from "../../../src/preprocess/picture.ts";
import { readSafetensors } from "../../../src/weights/formats/safetensors.ts";
import { memorySource } from "../../../src/weights/formats/source.ts";
import { readF32 } from "../../../src/weights/tensor.ts";
import { receiver, seededPicture } from "../../preprocess/pictures.ts";
import { cnxc } from "../../support/cli.ts";
import type { CliResult } from "../../support/cli-process.ts";
import { full } from "../../support/full.ts";
import { writePng } from "../../support/png.ts";
import { hasSwiftShader } from "../../support/webgpu-process.ts";

const spec = `
model micro {
  depths [1, 1, 2, 1]
  dims   [8, 16, 24, 40]
  input  32x32x3
  head   classifier { classes 7 }
}
model five extends micro { input 32x32x5 }
model pooled extends micro { head classifier { classes 0 } }
model wide extends micro { head classifier { classes 300000 } }
model maps extends micro { head features { levels [4] } }
`;

/** 40×30, [x·6 + y·(c+1)·2] of eight bits, without loss. */
const webp = Buffer.from(
  "UklGRkAAAABXRUJQVlA4TDMAAAAvJ0AHAAmASGp/8BEi+p9qARCE/3IJUYj+pzKobduGsZ3y/92ZKxQCCICCpgaRn1c5bQgA",
  "base64",
);
const gradient = Buffer.from(
  Array.from({ length: 40 * 30 }, (_, i) => {
    const [x, y] = [i % 40, Math.floor(i / 40)];
    return [...[1, 2, 3].map(c => (6 * x + 2 * c * y) % 256), 255];
  }).flat(),
);

/** An APP1 segment that asks for a quarter turn, before all others. */
function turned(file: Buffer): Buffer {
  const tiff = Buffer.from("49492a00080000000100120103000100000006000000" + "00000000", "hex");
  const body = Buffer.concat([Buffer.from("Exif\0\0", "latin1"), tiff]);
  const head = Buffer.from([0xff, 0xe1, 0, body.length + 2]);
  return Buffer.concat([file.subarray(0, 2), head, body, file.subarray(2)]);
}

const rgba = (seed: number, width: number, height: number): Buffer => {
  const { data } = seededPicture(seed, { width, height });
  return Buffer.from(
    Array.from({ length: width * height }, (_, i) => [...data.subarray(3 * i, 3 * i + 3), 255]).flat(),
  );
};
const labels = [
  "tench",
  "goldfish",
  "great white shark",
  "tiger\u{1b}[31m shark",
  "hammerhead",
  "Zitterrochen é",
  "ray",
];

let folder = "";
beforeAll(() => {
  folder = fs.realpathSync(fs.mkdtempSync(path.join(tmpdir(), "cnxc-test-")));
  const write = (name: string, bytes: string | Uint8Array) => fs.writeFileSync(path.join(folder, name), bytes);
  write("m.cnx", spec);
  fs.mkdirSync(path.join(folder, "empty"));
  write("a.png", writePng({ width: 40, height: 30, data: gradient }));
  write("a.webp", webp);
  const photo = jpeg.encode({ width: 61, height: 45, data: rgba(3, 61, 45) }, 90).data;
  write("b.jpg", photo);
  write("turned.jpg", turned(photo));
  write("cut.webp", webp.subarray(0, 40));
  const vast = Buffer.from(webp);
  vast.writeUInt32LE(0x0fffffff, 21);
  write("vast.webp", vast);
  write("labels.txt", `${labels.join("\r\n")}\r\n`);
  write("six.txt", labels.slice(1).join("\n"));
  write("latin1.txt", Buffer.from(labels.join("\n"), "latin1"));
  for (let i = 0; i < 17; i++) write(`${i}.png`, writePng({ width: 35 + i, height: 33, data: rgba(i, 35 + i, 33) }));
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

const usual = ["-m", "micro", "-w", "random:3"];
const classify = (...words: readonly string[]): Promise<CliResult> =>
  cnxc(["classify", "m.cnx", ...words], { cwd: folder });
const on = async (executor: string, ...words: readonly string[]) => {
  const { code, stdout, stderr } = await classify(...usual, "--on", executor, "--json", ...words);
  expect([code, stderr]).toEqual([0, ""]);
  return JSON.parse(stdout).result.images as {
    readonly image: string;
    readonly classes: readonly {
      readonly class: number;
      readonly label: string | null;
      readonly logit: number;
      readonly probability: number;
    }[];
  }[];
};

describe("what images show", () => {
  test("is what `run` gives on what torchvision would make of them", async () => {
    const model = receiver({ width: 32, height: 32 });
    const pixels = toBatch([fitPicture(seededPicture(5, { width: 40, height: 33 }), model)], model.preprocess);
    const header = Buffer.from('{"pixel_values":{"dtype":"F32","shape":[1,3,32,32],"data_offsets":[0,12288]}}');
    const length = Buffer.alloc(8);
    length.writeUInt32LE(header.length);
    fs.writeFileSync(path.join(folder, "in.safetensors"), Buffer.concat([length, header, Buffer.from(pixels.buffer)]));
    const words = ["run", "m.cnx", ...usual, "--on", "reference", "-i", "in.safetensors", "--out", "out.safetensors"];
    expect((await cnxc(words, { cwd: folder })).code).toBe(0);
    const bytes = new Uint8Array(fs.readFileSync(path.join(folder, "out.safetensors")));
    const file = await readSafetensors(memorySource("out", bytes));
    if (!file.ok) throw new Error("unreachable");
    const logits = await readF32(file.value, "logits");
    const [{ classes } = { classes: [] }] = await on("reference", "5.png", "--top", "99");
    expect(classes.map(one => [one.class, one.logit])).toEqual(
      [...logits.entries()].sort((a, b) => b[1] - a[1]).map(([index, logit]) => [index, logit]),
    );
    expect(classes.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 12);
  });

  test("seventeen images, in batches of sixteen, are what each is alone", async () => {
    const names = Array.from({ length: 17 }, (_, i) => `${i}.png`);
    const all = await on("onnx", ...names);
    expect(all.map(({ image }) => image)).toEqual(names);
    for (const n of [0, 15, 16]) {
      const [alone] = await on("onnx", `${n}.png`);
      expect(alone?.classes).toHaveLength(5);
      alone?.classes.forEach((one, i) => {
        expect(all[n]?.classes[i]?.class).toBe(one.class);
        expect(Math.abs((all[n]?.classes[i]?.logit ?? 0) - one.logit)).toBeLessThan(1e-5);
      });
    }
  });

  test("a WebP without loss is the PNG, and EXIF turns nothing", async () => {
    const [png, webp, photo, turned] = await on("reference", "a.png", "a.webp", "b.jpg", "turned.jpg");
    expect(webp?.classes).toEqual(png?.classes);
    expect(turned?.classes).toEqual(photo?.classes);
    expect(photo?.classes).not.toEqual(png?.classes);
  });

  test("folders stand for the pictures in them, whatever is told of each", async () => {
    fs.mkdirSync(path.join(folder, "all/inner"), { recursive: true });
    for (const [from, to] of [
      ["b.jpg", "all/z.JPG"],
      ["a.png", "all/inner/b.png"],
      ["m.cnx", "all/notes.txt"],
    ] as const)
      fs.copyFileSync(path.join(folder, from), path.join(folder, to));
    const [a, b, inner, z] = await on("reference", "a.png", "b.jpg", "all");
    expect([a, b, inner, z].map(one => one?.image)).toEqual(["a.png", "b.jpg", "all/inner/b.png", "all/z.JPG"]);
    expect([inner?.classes, z?.classes]).toEqual([a?.classes, b?.classes]);
  });

  test("a picture that cannot be decoded costs no answer of the others", async () => {
    const words = [...usual, "--on", "reference", "0.png", "cut.webp", "1.png", "vast.webp"];
    const { code, stdout, stderr } = await classify(...words);
    expect(code).toBe(4);
    expect(stdout.match(/^\S.*/gm)).toEqual(["0.png", "1.png"]);
    expect([...stderr.matchAll(/^error\[\w+\/(.*)\]/gm)].map(match => match[1])).toEqual([
      "image-broken",
      "image-too-large",
    ]);
    const { ok, diagnostics, result } = JSON.parse((await classify(...words, "--json")).stdout);
    expect([ok, diagnostics.length, result.images]).toEqual([false, 2, await on("reference", "0.png", "1.png")]);
  });

  test("has labels in a table, in which no label moves the cursor", async () => {
    const { code, stdout, stderr } = await classify(
      ...usual,
      "--on",
      "reference",
      "--labels",
      "labels.txt",
      "a.png",
      "b.jpg",
    );
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^ran on the float64 reference in [\d.]+ ms\n$/)]);
    const tables = stdout.split("\n\n");
    expect(tables.map(table => table.split("\n")[0])).toEqual(["a.png", "b.jpg"]);
    for (const line of tables.flatMap(table => table.trimEnd().split("\n").slice(1)))
      expect(line).toMatch(/^ {2}[1-5] {2,}\d{1,3}\.\d\d % {2}[\w é\\{}[]+$/);
    const shown = (await on("reference", "--labels", "labels.txt", "--top", "7", "a.png"))[0]?.classes ?? [];
    for (const { class: index, label } of shown) expect(label).toBe(labels[index]);
  });

  test.runIf(full && hasSwiftShader)("on WebGPU too", async () => {
    const [expected] = await on("reference", "b.jpg");
    const words = [...usual, "--on", "webgpu", "--adapter", "swiftshader", "--json", "b.jpg"];
    const [{ classes }] = JSON.parse((await classify(...words)).stdout).result.images;
    expected?.classes.forEach((one, i) => {
      expect(classes[i].class).toBe(one.class);
      expect(Math.abs(classes[i].logit - one.logit)).toBeLessThan(1e-5);
    });
  });
});

describe("what is wrong", () => {
  const last = ["--on", "reference", "a.png"];
  const cases: readonly [title: string, words: readonly string[], code: number, kind: string, says: string][] = [
    ["no image", usual, 2, "E_USAGE", "image"],
    ["no such image", [...usual, "--on", "reference", "a.png", "gone.png"], 6, "E_IO_NOTFOUND", "gone.png"],
    ["a text for an image", [...usual, "--on", "reference", "a.png", "m.cnx"], 4, "E_R_INPUT", "nor a WebP"],
    ["a WebP cut short", [...usual, "--on", "reference", "cut.webp"], 4, "E_R_INPUT", "cut.webp"],
    ["a vast WebP", [...usual, "--on", "reference", "vast.webp"], 4, "E_R_INPUT", "16384x16384 pixels"],
    ["fewer labels", [...usual, "--labels", "six.txt", ...last], 4, "E_R_INPUT", "6 labels, but 'micro' has 7"],
    ["labels of no UTF-8", [...usual, "--labels", "latin1.txt", ...last], 4, "E_R_INPUT", "not UTF-8"],
    ["no labels", [...usual, "--labels", "gone.txt", ...last], 6, "E_IO_NOTFOUND", "gone.txt"],
    ["another head", ["-m", "maps", "-w", "random:1", ...last], 2, "E_USAGE", "head features"],
    ["no classes", ["-m", "pooled", "-w", "random:1", ...last], 2, "E_USAGE", "a head of 0 classes"],
    ["five channels", ["-m", "five", "-w", "random:1", ...last], 2, "E_USAGE", "5 channels"],
    ["an empty folder", [...usual, "--on", "reference", "empty"], 4, "E_R_INPUT", "holds no picture"],
    [
      "more than can be told",
      ["-m", "wide", "-w", "random:1", "--top", "300000", ...last, ...Array(6).fill("a.png")],
      2,
      "E_USAGE",
      "300000 classes of each of 7 images are more than the 2000000",
    ],
    ["none on top", [...usual, "--top", "0", ...last], 2, "E_USAGE", "whole number from 1"],
    ["a type that is not stored", [...usual, "--dtype", "f16", ...last], 2, "E_USAGE", "f32 on reference"],
  ];
  test.each(cases)("%s", async (_, words, code, kind, says) => {
    const result = await classify(...words);
    const kinds = [...result.stderr.matchAll(/^error\[(\w+)\//gm)].map(match => match[1]);
    expect([result.code, kinds, result.stdout]).toEqual([code, [kind], ""]);
    expect(result.stderr).toContain(says);
  });
});
