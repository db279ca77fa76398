// @ts-check
// `npm start`: compiles atto for every target, runs each on the weights and the image of the golden generator, and
// compares with the logits that the official PyTorch code gave. Exits with 1 where a target misses the tolerance.
import * as path from "node:path";
import { atto, tolerance } from "./start-atto.mjs";

const dist = path.resolve(import.meta.dirname, "..", "dist");
const { spawnWithAdapter } = await import(path.join(dist, "node/gpu-process.js"));
const { onnxruntime } = await import(path.join(dist, "node/executors/onnxruntime.js"));
const { lower } = await import(path.join(dist, "compile.js"));
const { constants, elements } = await import(path.join(dist, "graph/graph.js"));
const { onnx } = await import(path.join(dist, "emit/onnx/onnx.js"));

/** One line that a terminal overwrites; nothing in a pipe. */
const progress = (/** @type {string} */ text) => {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}`);
};

/** @typedef {{ target: string, on: string, kernels: string, moved: string, ms: number, logits: Float32Array }} Row */

/** @returns {Promise<Row>} */
const wgsl = async () => {
  progress("compiling the kernels on SwiftShader …");
  const answer = await spawnWithAdapter("swiftshader", path.join(import.meta.dirname, "start-webgpu.mjs"), null);
  if (!answer.ok) throw new Error(answer.diagnostics.map((/** @type {Error} */ d) => d.message).join("\n"));
  return { target: "wgsl", ...answer.value };
};

/** @returns {Promise<Row>} */
const graph = async () => {
  progress("loading the graph into ONNX Runtime …");
  const { request, context } = atto();
  const unit = lower({ ...request, target: onnx, batch: { min: 1, max: 1 }, context });
  const run = await onnxruntime(request);
  if (!unit.ok || !run.ok) throw new Error("ONNX: the graph was not made or not run");
  const { outputs, on, milliseconds } = run.value;
  const { nodes, moved } = operators(unit.value.graph);
  return {
    target: "onnx",
    on,
    kernels: `${nodes} operators`,
    moved,
    ms: milliseconds,
    logits: outputs.get("logits").data,
  };
};

/** Operators of a graph, weight-only ones aside, and the bytes an image that they read and write one by one. */
const operators = (/** @type {import("../src/graph/graph.ts").Graph} */ graph) => {
  const constant = constants(graph);
  const computed = [...graph.nodes.values()].filter(({ id, op }) => op !== "input" && !constant.has(id));
  const size = (/** @type {string} */ id) => elements(graph.nodes.get(id)?.type ?? { dtype: "f32", shape: [] });
  const count = computed.reduce((sum, { id, inputs }) => sum + [id, ...inputs].reduce((a, b) => a + size(b), 0), 0);
  return { nodes: computed.length, moved: `${((4 * count) / 1e6).toFixed(1)} MB` };
};

const rows = [await wgsl(), await graph()];
progress("");
const { golden } = atto();
const rms = Math.sqrt(golden.reduce((sum, x) => sum + x * x, 0) / golden.length);
const lines = rows.map(({ target, on, kernels, moved, ms, logits }) => {
  const off = golden.map((x, i) => Math.abs(x - (logits[i] ?? Number.NaN)));
  const relL2 = Math.sqrt(off.reduce((sum, x) => sum + x * x, 0) / golden.length) / rms;
  const worst = Math.max(...off) / rms;
  const good = relL2 < tolerance.relL2 && worst < tolerance.logit;
  return {
    good,
    cells: [
      target,
      on,
      kernels,
      moved,
      `${ms.toFixed(1)} ms`,
      relL2.toExponential(1),
      worst.toExponential(1),
      good ? "ok" : "MISSED",
    ],
  };
});
const head = ["target", "runs on", "kernels", "moved", "time", "rel_l2", "worst logit", ""];
const limits = ["", "", "", "", "limit", tolerance.relL2.toExponential(0), tolerance.logit.toExponential(0), ""];
const table = [head, ...lines.map(({ cells }) => cells), limits];
const widths = head.map((_, column) => Math.max(...table.map(row => row[column]?.length ?? 0)));
console.log("\nConvNeXt V2 atto, 224x224, batch 1, against the logits recorded from the official PyTorch code\n");
for (const row of table)
  console.log(
    `  ${row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd()}`,
  );
console.log("");
process.exit(lines.every(({ good }) => good) ? 0 : 1);
