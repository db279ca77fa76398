// @ts-check
// A step of masked pre-training, batch 8: images in, loss out, gradients, AdamW. Our kernels on kept patches alone, against
// ours on all patches with a mask, against jax-js on the same adapter, which has no sparse convolution, and against the
// masked network in PyTorch on the CPU; each in processes of its own, in turns, from the same weights, images and masks.
// All must have the same loss at the first step.
//   npm run bench -- train
import * as path from "node:path";
import { median } from "./onnx.mjs";
import { torchStep } from "./train-torch.mjs";

/** @typedef {import("./onnx.mjs").Row} Row */

const { findAdapter } = await import(path.resolve(import.meta.dirname, "../dist/node/gpu/adapters.js"));
const { spawnWithAdapter } = await import(path.resolve(import.meta.dirname, "../dist/node/gpu/gpu-process.js"));
const turns = 3;

/** @returns {Promise<Row[]>} */
export const rows = async () => {
  const found = /** @type {Row[]} */ ([]);
  for (const adapter of /** @type {const} */ (["gpu", "lavapipe", "swiftshader"])) {
    const there = await findAdapter(adapter);
    if (!there.ok) {
      console.error(`train: no ${adapter} adapter here, its rows are left out`);
      continue;
    }
    // Larger ones take SwiftShader minutes a step.
    for (const size of /** @type {const} */ (adapter === "swiftshader" ? ["micro"] : ["micro", "atto"])) {
      const run = (/** @type {string} */ who, /** @type {object} */ more) => () =>
        inProcess(adapter, who, { size, ...more });
      const contenders = {
        ours: run("ours", { kind: adapter, sites: "compact" }),
        "our masked-dense": run("ours", { kind: adapter, sites: "masked" }),
        "jax-js": run("jax", {}),
        "torch-cpu, masked-dense": () => torchStep(size),
      };
      const times = await inTurns(contenders);
      const [ours_ms, ...peers] = Object.values(times);
      for (const [i, peer] of Object.keys(contenders).slice(1).entries()) {
        const peer_ms = peers[i];
        if (ours_ms === undefined || ours_ms === null || peer_ms === undefined || peer_ms === null) continue;
        found.push({
          case: `${size} FCMAE, a step of 8 images`,
          adapter,
          ours_ms,
          peer,
          peer_ms,
          ratio: peer_ms / ours_ms,
        });
      }
    }
  }
  return found;
};

/** Medians of each, one after the other and back again; null for one that does not run here. */
const inTurns = async (
  /** @type {Record<string, () => Promise<{ loss: number, ms: number } | null>>} */ contenders,
) => {
  const names = Object.keys(contenders);
  const times = new Map(names.map(name => [name, /** @type {number[]} */ ([])]));
  let loss = Number.NaN;
  for (let turn = 0; turn < turns; turn++)
    for (const name of turn % 2 === 0 ? names : [...names].reverse()) {
      const answer = await contenders[name]?.();
      if (!answer) continue;
      if (name === "ours") loss = answer.loss;
      else if (!Number.isNaN(loss) && !(Math.abs(answer.loss / loss - 1) < 1e-4))
        throw new Error(`the loss of ${name} is ${answer.loss}, ours is ${loss}`);
      times.get(name)?.push(answer.ms);
    }
  return Object.fromEntries([...times].map(([name, list]) => [name, list.length === 0 ? null : median(list)]));
};

const inProcess = async (/** @type {string} */ kind, /** @type {string} */ who, /** @type {object} */ message) => {
  const file = path.join(import.meta.dirname, `train-${who}.mjs`);
  const answer = await spawnWithAdapter(kind, file, message);
  if (!answer.ok) throw new Error(answer.diagnostics[0].message);
  return answer.value;
};
