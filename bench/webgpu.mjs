// @ts-check
// Our atto kernels against ONNX Runtime's WebGPU provider on the graph that PyTorch exports, on the same adapter: one
// image in, logits out, upload and readback included. Both link a Dawn of their own, so each runs in processes of its
// own, in turns. Both must give the golden logits.
//   npm run bench -- webgpu
import * as path from "node:path";
import { median } from "./onnx.mjs";

/** @typedef {import("./onnx.mjs").Row} Row */

const { findAdapter } = await import(path.resolve(import.meta.dirname, "../dist/node/gpu/adapters.js"));
const { spawnWithAdapter } = await import(path.resolve(import.meta.dirname, "../dist/node/gpu/gpu-process.js"));
const turns = 3;

/** @returns {Promise<Row[]>} */
export const rows = async () => {
  const found = [];
  for (const kind of /** @type {const} */ (["gpu", "lavapipe", "swiftshader"])) {
    const adapter = await findAdapter(kind);
    if (!adapter.ok) {
      console.error(`webgpu: no ${kind} adapter here, its row is left out`);
      continue;
    }
    const ours = /** @type {number[]} */ ([]);
    const peer = /** @type {number[]} */ ([]);
    for (let turn = 0; turn < turns; turn++) {
      // Each turn in the other order than the one before: what the machine does meanwhile should meet both.
      if (turn % 2 === 1) peer.push(await time(kind, "peer"));
      ours.push(await time(kind, "ours"));
      if (turn % 2 === 0) peer.push(await time(kind, "peer"));
    }
    const [ours_ms, peer_ms] = [median(ours), median(peer)];
    const name = "atto 224x224, batch 1";
    found.push({ case: name, adapter: kind, ours_ms, peer: "onnxruntime-webgpu", peer_ms, ratio: peer_ms / ours_ms });
  }
  return found;
};

/** Median milliseconds of a run in a fresh process. */
const time = async (/** @type {string} */ kind, /** @type {"ours" | "peer"} */ who) => {
  const answer = await spawnWithAdapter(kind, path.join(import.meta.dirname, `webgpu-${who}.mjs`), { kind });
  if (!answer.ok) throw new Error(answer.diagnostics[0].message);
  return Number(answer.value);
};
