import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { f32Tensor } from "../../../src/weights/formats/safetensors.ts";
import { cnxc } from "../../support/cli.ts";
import { fill, newFolder } from "../../support/folders.ts";
import { full } from "../../support/full.ts";
import { npmPackages } from "../../support/npm-packages.ts";
import { readTensors, writeTensors } from "../../support/tensors.ts";
import { relL2 } from "../../support/tolerance.ts";

// What ONNX graphs are written for: packages that npm has, of the versions that people use. Where npm cannot fetch them
// these tests are skipped, and say so.

const consume = path.resolve(import.meta.dirname, "consume.mjs");

const packages = {
  now: npmPackages(
    { "@huggingface/transformers": "4.3.2" },
    {
      "onnxruntime-node": `file:${path.resolve("node_modules/onnxruntime-node")}`,
    },
  ),
  // Its own sharp would fetch a library when it is installed.
  before: npmPackages({ "@xenova/transformers": "2.17.2" }, { sharp: "0.35.4" }),
};

const consumers = [
  ["transformers.js 4.3.2", "now", "@huggingface/transformers"],
  ["onnxruntime-web 1.31", "now", "onnxruntime-web"],
  ["onnxruntime-node 1.30", "now", "onnxruntime-node"],
  ["transformers.js 2.17.2", "before", "@xenova/transformers"],
  ["onnxruntime-web 1.14", "before", "onnxruntime-web"],
  ["onnxruntime-node 1.14", "before", "onnxruntime-node"],
] as const;

const forms = { f32: { file: "model.onnx", limit: 1e-5 }, f16: { file: "model_fp16.onnx", limit: 5e-3 } } as const;
const size = 32;
const names = ["ant", "bee", "cat", "dog", "elk"];
const spec = (channels: number): string => `model m {
  depths [1, 1]
  dims   [8, 16]
  input  ${size}x${size}x${channels}
  head   classifier { labels [${names.map(name => `"${name}"`).join(", ")}] }
}
`;

/** A folder for transformers.js of every number of channels and type, with the reference's logits of two images. */
async function written(channels: number, dtype: keyof typeof forms) {
  const folder = newFolder();
  fill(folder, { "m.cnx": spec(channels) });
  const words = [
    "compile",
    "m.cnx",
    "-t",
    "onnx",
    "--layout",
    "huggingface",
    "-w",
    "random:2",
    "--dtype",
    dtype,
    "-o",
    "o",
  ];
  expect((await cnxc(words, { cwd: folder })).code).toBe(0);
  const shape = [2, channels, size, size];
  const images = Float32Array.from({ length: 2 * channels * size * size }, (_, i) => Math.sin(i * 0.7));
  writeFileSync(path.join(folder, "input.bin"), new Uint8Array(images.buffer));
  mkdirSync(path.join(folder, "r"));
  await writeTensors(path.join(folder, "in.safetensors"), [f32Tensor("pixel_values", shape, () => images)]);
  const run = [
    "run",
    "m.cnx",
    "-w",
    "random:2",
    "-i",
    "in.safetensors",
    "--on",
    "reference",
    "--out",
    "r/out.safetensors",
  ];
  expect((await cnxc(run, { cwd: folder })).code).toBe(0);
  const logits = (await readTensors(path.join(folder, "r/out.safetensors"))).get("logits")?.data ?? [];
  return { folder, shape, logits };
}

describe.each(consumers)("%s", (_, age, consumer) => {
  const at = packages[age];
  test
    .runIf(at !== null)
    .each(
      [1, 3, 4].flatMap(channels =>
        (full || channels === 3 ? (["f32", "f16"] as const) : (["f32"] as const)).map(dtype => ({ channels, dtype })),
      ),
    )(
    "loads --layout huggingface of $channels channels in $dtype, and gives its logits",
    async ({ channels, dtype }) => {
      const { folder, shape, logits } = await written(channels, dtype);
      const { file, limit } = forms[dtype];
      const picture = consumer.endsWith("transformers") && channels === 3 ? { width: 50, height: 40 } : null;
      const input = path.join(folder, "input.bin");
      const job = { consumer, folder: path.join(folder, "o"), model: "m", file, shape, input, picture };
      const { status, stdout, stderr } = spawnSync(process.execPath, [consume, at ?? "", JSON.stringify(job)], {
        encoding: "utf8",
      });
      expect(status, stderr).toBe(0);
      const answer = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
      expect(relL2(answer.logits, logits)).toBeLessThan(limit);
      if (picture === null) return;
      const labels = answer.classes.map(({ label }: { label: string }) => label).sort();
      expect(labels).toEqual(names);
      const sum = answer.classes.reduce((all: number, { score }: { score: number }) => all + score, 0);
      expect(sum).toBeCloseTo(1, 4);
    },
  );
});
