import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { newFolder } from "../../support/folders.ts";
import { full } from "../../support/full.ts";
import { peakMemory, tellsPeakMemory } from "../../support/peak-memory.ts";

const root = path.resolve(import.meta.dirname, "../../..");
const moduleOf = (file: string): string => JSON.stringify(pathToFileURL(path.join(root, file)).href);

/** A process that writes a picture of 8192x6144 pixels: encoding takes as much memory as decoding. */
const writer = (kind: "jpeg" | "png", codec: string, call: string): string => `
import { readFileSync, writeFileSync } from "node:fs";
const [width, height] = [8192, 6144];
const data = new Uint8ClampedArray(4 * width * height);
for (let i = 0; i < data.length; i++) data[i] = i % 4 === 3 ? 255 : ((i >> 7) * 31 + (i >> 17) * 57) & 255;
const codec = await import(${moduleOf(`node_modules/@jsquash/${kind}/${codec}`)});
const binary = name => readFileSync(new URL(name, ${moduleOf(`node_modules/@jsquash/${kind}/x`)}));
${call}
writeFileSync("picture", new Uint8Array(file));
`;

const writers = {
  "a JPEG in one scan": writer(
    "jpeg",
    "encode.js",
    `await codec.init(await WebAssembly.compile(binary("codec/enc/mozjpeg_enc.wasm")));
const file = await codec.default({ data, width, height }, { progressive: false, quality: 90 });`,
  ),
  "a progressive JPEG": writer(
    "jpeg",
    "encode.js",
    `await codec.init(await WebAssembly.compile(binary("codec/enc/mozjpeg_enc.wasm")));
const file = await codec.default({ data, width, height }, { progressive: true, quality: 90, auto_subsample: false, chroma_subsample: 1 });`,
  ),
  "a PNG": writer(
    "png",
    "codec/pkg/squoosh_png.js",
    `await codec.default(binary("codec/pkg/squoosh_png_bg.wasm"));
const file = codec.encode(new Uint8Array(data.buffer), width, height, 8);`,
  ),
};

const reader = `
import { writeFileSync } from "node:fs";
const { readPicture } = await import(${moduleOf("dist/node/inputs/pictures.js")});
const { fitPicture } = await import(${moduleOf("dist/preprocess/fit.js")});
const found = await readPicture("picture", 3);
if (!found.ok) throw new Error(found.diagnostics[0].message);
const { width, height } = found.value;
fitPicture(found.value, { input: { width: 224, height: 224 }, preprocess: { resize: { mode: "cover", width: 256, height: 256 }, interpolation: "bicubic" } });
writeFileSync("read", JSON.stringify({ width, height, peak: ${peakMemory} / 1000 }));
`;

function node(program: string, cwd: string): void {
  writeFileSync(path.join(cwd, "program.mjs"), program);
  const { status, stderr } = spawnSync(process.execPath, ["program.mjs"], { cwd, encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
}

test.runIf(full && tellsPeakMemory).each(Object.entries(writers))(
  "50 megapixels of %s are read within 1 GB",
  (_, writing) => {
    const folder = newFolder();
    node(writing, folder);
    node(reader, folder);
    const { width, height, peak } = JSON.parse(readFileSync(path.join(folder, "read"), "utf8"));
    expect([width, height]).toEqual([8192, 6144]);
    expect(peak).toBeLessThan(1000);
  },
);
