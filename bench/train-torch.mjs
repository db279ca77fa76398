// @ts-check
// A peer of bench/train.mjs: the masked network in PyTorch on all cores. Left out where python3 has no torch.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { networkOf, python } from "./python.mjs";
import { learningRate, trainingCase } from "./train-case.mjs";

const script = path.join(import.meta.dirname, "train_torch.py");

/** @returns {Promise<{ loss: number, ms: number } | null>} */
export const torchStep = async (/** @type {import("./train-case.mjs").Size} */ size) => {
  const interpreter = python();
  if (interpreter === null) return null;
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "cnxc-bench-"));
  try {
    const { model, params, weights, image, mask } = await trainingCase(size);
    const write = (/** @type {string} */ name, /** @type {Float32Array} */ data) =>
      fs.writeFileSync(path.join(folder, `${name}.f32`), data);
    for (const { name } of params) write(name, await weights.f32(name));
    write("pixel_values", image.data);
    write("mask", mask.data);
    const about = {
      ...networkOf(model),
      params: params.map((/** @type {{ name: string, shape: readonly number[] }} */ { name, shape }) => [name, shape]),
      input: image.shape,
      mask: mask.shape,
      lr: learningRate,
    };
    fs.writeFileSync(path.join(folder, "model.json"), JSON.stringify(about));
    const { status, stdout, stderr } = spawnSync(interpreter, [script, folder], { encoding: "utf8" });
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
};
