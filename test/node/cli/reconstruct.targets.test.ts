import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { crc32, deflateSync } from "node:zlib";
import jpeg from "jpeg-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { f32Tensor, readSafetensors, writeSafetensors } from "../../../src/weights/formats/safetensors.ts";
import { memorySource } from "../../../src/weights/formats/source.ts";
import { readF32 } from "../../../src/weights/tensor.ts";
import { cnxc } from "../../support/cli.ts";
import type { CliResult } from "../../support/cli-process.ts";
import { newFolder, snapshot } from "../../support/folders.ts";
import { full } from "../../support/full.ts";
import { readPng, writePng } from "../../support/png.ts";
import { hasSwiftShader } from "../../support/webgpu-process.ts";

const root = path.resolve(import.meta.dirname, "../../..");
const kindsOf = ({ stderr }: CliResult) => [...stderr.matchAll(/^error\[(\w+)\//gm)].map(match => match[1]);

const spec = `
model micro {
  depths [1, 1, 2, 1]
  dims   [8, 16, 24, 40]
  input  128x128x3
  head   fcmae
}
model wide extends micro { input 64x96x3 }
model grey extends micro { input 64x64x1 }
model five extends micro { input 64x64x5 }
model bands extends micro { input 64x64x5  preprocess { mean 0.5  std 0.25  display [4, 0, 2] } }
model bgr extends micro { input 64x64x3  preprocess { bands [2, 1, 0] } }
model dense extends micro { head classifier { classes 10 } }
`;

let state: Uint8Array;
beforeAll(() => {
  const made = fs.mkdtempSync(path.join(tmpdir(), "cnxc-test-"));
  execFileSync(process.execPath, [path.join(root, "scripts/golden-weights.mjs"), "fcmae/micro-128-b2", made]);
  state = new Uint8Array(fs.readFileSync(path.join(made, "weights.safetensors")));
  fs.rmSync(made, { recursive: true });
});

/** A picture with a gradient each way and a disc. */
function picture(width: number, height: number): { width: number; height: number; data: Buffer } {
  const data = Buffer.alloc(4 * width * height, 255);
  for (let i = 0; i < width * height; i++) {
    const [x, y] = [(i % width) / width, Math.floor(i / width) / height];
    const disc = Math.hypot(x - 0.6, y - 0.4) < 0.2;
    data.set(disc ? [230, 180, 60] : [40 + 180 * x, 60 + 140 * y, 200 - 120 * y], 4 * i);
  }
  return { width, height, data };
}
const png = (width: number, height: number) => writePng(picture(width, height));

const project = (): string => layOut(newFolder());

function layOut(folder: string): string {
  const write = (name: string, bytes: string | Uint8Array) => fs.writeFileSync(path.join(folder, name), bytes);
  write("m.cnx", spec);
  write("state.safetensors", state);
  write("a.png", png(200, 150));
  write("b.jpg", jpeg.encode(picture(150, 200), 90).data);
  return folder;
}

const usual = ["-m", "micro", "-w", "state.safetensors", "--on", "reference"];
const reconstruct = (folder: string, ...words: readonly string[]) =>
  cnxc(["reconstruct", "m.cnx", ...words], { cwd: folder });
const decoded = (folder: string, file: string) => readPng(fs.readFileSync(path.join(folder, file)));

describe("to a PNG", () => {
  test("a row an image: what was given, what is left, what was made of it", async () => {
    const folder = project();
    const words = [...usual, "--image", "a.png", "--image", "b.jpg", "--seed", "5", "-o", "out.png"];
    const result = await reconstruct(folder, ...words, "--json");
    expect([result.code, result.stderr]).toEqual([0, ""]);
    const { result: found, outputs } = JSON.parse(result.stdout);
    expect(outputs).toEqual([{ path: "out.png", status: "written" }]);
    expect(found.images.map(({ name }: { name: string }) => name)).toEqual(["a.png", "b.jpg"]);
    // The loss that the model gives is the mean of those that are made of its prediction and the pictures here.
    const [a, b] = found.images.map(({ loss }: { loss: number }) => loss);
    expect(Math.abs((a + b) / 2 / found.loss - 1)).toBeLessThan(1e-6);

    const { width, height, data } = decoded(folder, "out.png");
    expect([width, height]).toEqual([3 * 128 + 16, 2 * 128 + 8]);
    const at = (x: number, y: number) => data.readUInt32BE(4 * (y * width + x));
    for (const top of [0, 136]) {
      let [removed, wrong] = [0, 0];
      for (let y = 0; y < 128; y += 32)
        for (let x = 0; x < 128; x += 32) {
          const hidden = at(136 + x + 9, top + y + 9) === 0x808080ff && at(136 + x + 22, top + y + 3) === 0x808080ff;
          if (hidden) removed++;
          for (let k = 0; k < 32; k++) {
            const [given, shown] = [at(x + k, top + y + k), at(272 + x + k, top + y + k)];
            if (!hidden && given !== shown) wrong++; // visible patches are pasted
          }
        }
      expect([removed, wrong]).toEqual([10, 0]); // 6 of 16 are kept
    }
  });

  test("the same seed is the same picture, another another", async () => {
    const folder = project();
    const made = async (seed: string, out: string) => {
      expect((await reconstruct(folder, ...usual, "--image", "a.png", "--seed", seed, "-o", out)).code).toBe(0);
      return fs.readFileSync(path.join(folder, out));
    };
    const first = await made("1", "1.png");
    expect((await made("1", "2.png")).equals(first)).toBe(true);
    expect((await made("2", "3.png")).equals(first)).toBe(false);
  });

  test("inputs that are not square, and grey ones", async () => {
    const folder = project();
    const wide = await reconstruct(folder, "-m", "wide", ...usual.slice(2), "--image", "a.png", "-o", "wide.png");
    expect([wide.code, wide.stdout]).toEqual([0, expect.stringMatching(/^a\.png: loss \d\.\d{4}\n$/)]);
    expect([decoded(folder, "wide.png").width, decoded(folder, "wide.png").height]).toEqual([3 * 96 + 16, 64]);
    const grey = ["-m", "grey", "-w", "random:1", "--on", "reference", "--image", "b.jpg", "-o", "grey.png"];
    expect((await reconstruct(folder, ...grey)).code).toBe(0);
    const { data } = decoded(folder, "grey.png");
    expect(data.every((_, i) => i % 4 !== 0 || (data[i] === data[i + 1] && data[i] === data[i + 2]))).toBe(true);
  });

  test("five bands out of a file, of which three are shown", async () => {
    const folder = project();
    const pixels = Float32Array.from({ length: 5 * 64 * 64 }, (_, i) => Math.floor(i / 4096) / 4 - 0.5);
    const tensor = f32Tensor("pixel_values", [1, 5, 64, 64], () => pixels);
    const parts: Uint8Array[] = [];
    for await (const part of writeSafetensors([tensor])) parts.push(part);
    fs.writeFileSync(path.join(folder, "in.safetensors"), Buffer.concat(parts));
    const words = ["-m", "bands", "-w", "random:1", "--on", "reference", "-i", "in.safetensors", "-o", "bands.png"];
    expect(await reconstruct(folder, ...words)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^in\.safetensors\[0\]: loss/),
    });
    const levels = [4, 0, 2].map(band => Math.round(255 * Math.min(1, (band / 4 - 0.5) * 0.25 + 0.5)));
    expect([...decoded(folder, "bands.png").data.subarray(0, 4)]).toEqual([...levels, 255]);
  });

  test("a picture in another order of colours is shown as it is", async () => {
    const folder = project();
    for (const model of ["bgr", "micro"]) {
      const words = ["-m", model, "-w", "random:1", "--on", "reference", "--image", "a.png", "-o", `${model}.png`];
      expect((await reconstruct(folder, ...words)).code).toBe(0);
    }
    const corner = (file: string) => [...decoded(folder, file).data.subarray(0, 3)];
    expect(
      Math.max(...corner("bgr.png").map((value, c) => Math.abs(value - (corner("micro.png")[c] ?? 0)))),
    ).toBeLessThan(9);
  });

  test("is what `run` gives for the same mask", async () => {
    const folder = project();
    const { stdout } = await reconstruct(folder, ...usual, "--image", "a.png", "-o", "out.png", "--seed", "9");
    const { width, data } = decoded(folder, "out.png");
    const pixels = new Float32Array(3 * 128 * 128);
    const [mean, std] = [
      [0.485, 0.456, 0.406],
      [0.229, 0.224, 0.225],
    ];
    for (let c = 0; c < 3; c++)
      for (let i = 0; i < 128 * 128; i++)
        pixels[c * 16384 + i] =
          ((data[4 * (Math.floor(i / 128) * width + (i % 128)) + c] ?? 0) / 255 - (mean[c] ?? 0)) / (std[c] ?? 1);
    const header = Buffer.from('{"pixel_values":{"dtype":"F32","shape":[1,3,128,128],"data_offsets":[0,196608]}}');
    const length = Buffer.alloc(8);
    length.writeUInt32LE(header.length);
    fs.writeFileSync(path.join(folder, "in.safetensors"), Buffer.concat([length, header, Buffer.from(pixels.buffer)]));
    const words = ["run", "m.cnx", ...usual, "-i", "in.safetensors", "--mask", "random:9", "--out", "out.safetensors"];
    expect((await cnxc(words, { cwd: folder })).code).toBe(0);
    const bytes = new Uint8Array(fs.readFileSync(path.join(folder, "out.safetensors")));
    const file = await readSafetensors(memorySource("out", bytes));
    if (!file.ok) throw new Error("unreachable");
    const [loss = 0] = await readF32(file.value, "loss");
    expect(stdout).toBe(`a.png: loss ${loss.toFixed(4)}\n`);
  });
});

describe("to a page", () => {
  test("that stands alone, and says how far the channels of each stage are apart", async () => {
    const folder = project();
    const named = "<b>&\"'.png";
    fs.copyFileSync(path.join(folder, "a.png"), path.join(folder, named));
    const words = [...usual, "--image", named, "--image", "b.jpg", "-o", "out.html"];
    const { code, stdout } = await reconstruct(folder, ...words, "--json");
    expect(code).toBe(0);
    const { stages } = JSON.parse(stdout).result;
    expect(stages.map(({ name, channels }: { name: string; channels: number }) => [name, channels])).toEqual([
      ["stages.0", 8],
      ["stages.1", 16],
      ["stages.2", 24],
      ["stages.3", 40],
    ]);
    for (const { distances } of stages) {
      expect(distances).toHaveLength(2);
      for (const distance of distances) expect(distance > 0 && distance <= 0.5).toBe(true);
    }
    const html = fs.readFileSync(path.join(folder, "out.html"), "utf8");
    expect(html).toContain("&lt;b&gt;&amp;&quot;&#39;.png");
    expect(html).not.toMatch(/<b>&|https?:|<script|<link|url\(/);
    expect(html.match(/<img src="data:image\/png;base64,/g)).toHaveLength(6);
  });
});

test.runIf(full && hasSwiftShader)("WebGPU gives the same losses and distances", async () => {
  const folder = project();
  const on = async (...words: readonly string[]) => {
    const all = ["-m", "micro", "-w", "state.safetensors", "--image", "a.png", "-o", "out.html", "--json", ...words];
    const { code, stdout, stderr } = await reconstruct(folder, ...all);
    expect(code, stderr).toBe(0);
    const { loss, stages } = JSON.parse(stdout).result;
    return [loss, ...stages.flatMap((stage: { readonly distances: readonly number[] }) => stage.distances)];
  };
  const reference = await on("--on", "reference");
  (await on("--on", "webgpu", "--adapter", "swiftshader")).forEach((value, i) => {
    expect(Math.abs(value / reference[i] - 1)).toBeLessThan(1e-5);
  });
});

describe("what is wrong", () => {
  const cases: readonly [title: string, words: readonly string[], code: number, kind: string, says: string][] = [
    ["no such image", [...usual, "--image", "gone.png", "-o", "o.png"], 6, "E_IO_NOTFOUND", "gone.png"],
    ["a folder for an image", [...usual, "--image", ".", "-o", "o.png"], 6, "E_IO_NOTFILE", "a directory"],
    [
      "a text for an image",
      [...usual, "--image", "m.cnx", "-o", "o.png"],
      4,
      "E_R_INPUT",
      "neither a PNG nor a JPEG nor a WebP",
    ],
    ["a PNG cut short", [...usual, "--image", "cut.png", "-o", "o.png"], 4, "E_R_INPUT", "cannot be decoded"],
    ["a JPEG cut short", [...usual, "--image", "cut.jpg", "-o", "o.png"], 4, "E_R_INPUT", "cannot be decoded"],
    ["a bomb", [...usual, "--image", "bomb.png", "-o", "o.png"], 4, "E_R_INPUT", "cannot be decoded"],
    ["a vast image", [...usual, "--image", "vast.png", "-o", "o.png"], 4, "E_R_INPUT", "65535x65535 pixels"],
    [
      "less than a patch",
      [...usual, "--image", "small.png", "-o", "o.png"],
      4,
      "E_R_INPUT",
      "20x40 pixels, less than one patch of 32x32",
    ],
    [
      "another head",
      ["-m", "dense", "-w", "random:1", "--image", "a.png", "--on", "reference", "-o", "o.png"],
      2,
      "E_USAGE",
      "head fcmae",
    ],
    [
      "five channels",
      ["-m", "five", "-w", "random:1", "--image", "a.png", "--on", "reference", "-o", "o.png"],
      2,
      "E_USAGE",
      "5 channels",
    ],
    ["an ending nobody knows", [...usual, "--image", "a.png", "-o", "o.gif"], 2, "E_USAGE", "ends in .png or .html"],
    ["no image", [...usual, "-o", "o.png"], 2, "E_USAGE", "--image"],
    ["a picture and tensors", [...usual, "--image", "a.png", "-i", "b.npz", "-o", "o.png"], 2, "E_USAGE", "not both"],
    [
      "a seed that is none",
      [...usual, "--image", "a.png", "--seed", "-1", "-o", "o.png"],
      2,
      "E_USAGE",
      "whole number",
    ],
    [
      "weights without a decoder",
      ["-m", "micro", "-w", "encoder.safetensors", "--on", "reference", "--image", "a.png", "-o", "o.png"],
      4,
      "E_W_MISSING",
      "no decoder",
    ],
  ];
  let folder = "";
  beforeAll(async () => {
    folder = layOut(fs.realpathSync(fs.mkdtempSync(path.join(tmpdir(), "cnxc-test-"))));
    const write = (name: string, bytes: Uint8Array) => fs.writeFileSync(path.join(folder, name), bytes);
    write("small.png", png(20, 40));
    write("cut.png", png(200, 150).subarray(0, 2000));
    write("cut.jpg", fs.readFileSync(path.join(folder, "b.jpg")).subarray(0, 1000));
    write("bomb.png", pngWith(64, 64, deflateSync(Buffer.alloc(50_000_000))));
    write("vast.png", pngWith(65_535, 65_535, deflateSync(Buffer.alloc(100))));
    const trunk = [
      "weights",
      "convert",
      "state.safetensors",
      "--to",
      "timm",
      "--allow-unused",
      "-o",
      "encoder.safetensors",
    ];
    expect((await cnxc(trunk, { cwd: folder })).code).toBe(0);
  });
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  test.each(cases)("%s", async (_, words, code, kind, says) => {
    const before = snapshot(folder);
    const result = await reconstruct(folder, ...words);
    expect([result.code, kindsOf(result), result.stdout]).toEqual([code, [kind], ""]);
    expect(result.stderr).toContain(says);
    expect(snapshot(folder)).toEqual(before);
  });

  test("a package that is not installed", () => {
    const folder = project();
    fs.cpSync(path.join(root, "dist"), path.join(folder, "installed/dist"), { recursive: true });
    fs.copyFileSync(path.join(root, "package.json"), path.join(folder, "installed/package.json"));
    fs.mkdirSync(path.join(folder, "installed/node_modules"));
    for (const name of ["@noble", "commander", "handlebars", "ohm-js", "picocolors"])
      fs.symlinkSync(path.join(root, "node_modules", name), path.join(folder, "installed/node_modules", name));
    const cli = path.join(folder, "installed/dist/node/cli.js");
    // As much as is looked at before a decoder is wanted.
    fs.writeFileSync(path.join(folder, "c.webp"), `RIFF\x16\0\0\0WEBPVP8L${"\0".repeat(14)}`);
    for (const [image, name] of [
      ["a.png", "@jsquash/png"],
      ["b.jpg", "@jsquash/jpeg"],
      ["c.webp", "@jsquash/webp"],
    ] as const) {
      const words = [cli, "reconstruct", "m.cnx", ...usual, "--image", image, "-o", "o.png"];
      const { status, stderr } = spawnSync(process.execPath, words, { cwd: folder, encoding: "utf8" });
      expect(status).toBe(5);
      expect(stderr).toContain(`needs the npm package ${name}, which is not installed; run npm install ${name}`);
    }
  });
});

/** An interlaced PNG of a size and image data that need not fit it. */
function pngWith(width: number, height: number, data: Uint8Array): Uint8Array {
  const chunk = (name: string, body: Uint8Array): Buffer => {
    const named = Buffer.concat([Buffer.from(name), body]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(body.length);
    sum.writeUInt32BE(crc32(named));
    return Buffer.concat([length, named, sum]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 1], 8);
  const mark = Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]);
  return Buffer.concat([mark, chunk("IHDR", head), chunk("IDAT", data), chunk("IEND", Buffer.alloc(0))]);
}
