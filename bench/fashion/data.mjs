// @ts-check
// Debian's dataset-fashion-mnist (Expat licence) as files that `cnxc train --data` takes: 28x28 in a margin of 2 pixels.
import * as fs from "node:fs";
import * as path from "node:path";
import { gunzipSync } from "node:zlib";
import { compiled } from "../train-case.mjs";

const folder = "/usr/share/datasets/fashion-mnist";
const [side, margin] = [28, 2];
const whole = side + 2 * margin;

const part = (/** @type {string} */ name, /** @type {string} */ what) => {
  const file = path.join(folder, `${name}-${what}-ubyte.gz`);
  if (!fs.existsSync(file)) throw new Error(`no ${file}: apt-get install dataset-fashion-mnist`);
  return gunzipSync(fs.readFileSync(file));
};

/** Writes some of the images, by their numbers, with their labels. */
export const writeImages = async (
  /** @type {string} */ to,
  /** @type {"train" | "t10k"} */ name,
  /** @type {(labels: Uint8Array) => readonly number[]} */ chosen,
) => {
  const { writeSafetensors } = await compiled("weights/formats/safetensors.js");
  const pixels = part(name, "images-idx3").subarray(16);
  const labels = part(name, "labels-idx1").subarray(8);
  const numbers = chosen(labels);
  const images = new Uint8Array(numbers.length * whole * whole);
  for (const [i, number] of numbers.entries())
    for (let y = 0; y < side; y++) {
      const row = pixels.subarray((number * side + y) * side, (number * side + y + 1) * side);
      images.set(row, (i * whole + y + margin) * whole + margin);
    }
  const own = new BigInt64Array(numbers.map(number => BigInt(labels[number] ?? 0)));
  const tensors = [
    { name: "pixel_values", dtype: "U8", shape: [numbers.length, 1, whole, whole], bytes: () => images },
    { name: "labels", dtype: "I64", shape: [numbers.length], bytes: () => new Uint8Array(own.buffer) },
  ];
  const parts = [];
  for await (const bytes of writeSafetensors(tensors)) parts.push(bytes);
  fs.writeFileSync(to, Buffer.concat(parts));
};
