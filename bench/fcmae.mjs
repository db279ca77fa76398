// @ts-check
// The encoder of masked autoencoding, 19 of 49 patches kept: our kernels on kept patches alone against our kernels on all
// patches with a mask, and those against the same network without a mask; one adapter, one process, in turns. And our ONNX
// graph against a masked encoder in PyTorch, on the CPU.
//   npm run bench -- fcmae
import * as path from "node:path";
import { torchRows } from "./fcmae-onnx.mjs";

/** @typedef {import("./onnx.mjs").Row} Row */

const { findAdapter } = await import(path.resolve(import.meta.dirname, "../dist/node/gpu/adapters.js"));
const { spawnWithAdapter } = await import(path.resolve(import.meta.dirname, "../dist/node/gpu/gpu-process.js"));

/** @returns {Promise<Row[]>} */
export const rows = async () => {
  const found = [];
  for (const adapter of /** @type {const} */ (["gpu", "lavapipe", "swiftshader"])) {
    const there = await findAdapter(adapter);
    if (!there.ok) {
      console.error(`fcmae: no ${adapter} adapter here, its rows are left out`);
      continue;
    }
    for (const { size, batch } of [
      { size: "atto", batch: 1 },
      { size: "tiny", batch: 1 },
      ...(adapter === "gpu"
        ? [
            { size: "atto", batch: 16 },
            { size: "tiny", batch: 16 },
          ]
        : []),
    ]) {
      const message = { kind: adapter, size, batch };
      const answer = await spawnWithAdapter(adapter, path.join(import.meta.dirname, "fcmae-adapter.mjs"), message);
      if (!answer.ok) throw new Error(answer.diagnostics[0].message);
      const [compact, masked, dense] = answer.value;
      const row = (
        /** @type {string} */ what,
        /** @type {number} */ ours_ms,
        /** @type {string} */ peer,
        /** @type {number} */ peer_ms,
      ) =>
        found.push({
          case: `${size} encoder, ${what}, batch ${batch}`,
          adapter,
          ours_ms,
          peer,
          peer_ms,
          ratio: peer_ms / ours_ms,
        });
      row("kept patches", compact, "masked-dense", masked);
      row("masked", masked, "dense", dense);
    }
  }
  return [...found, ...(await torchRows())];
};
