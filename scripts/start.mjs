// @ts-check
// `npm start`: compiles atto for every target, runs each on the weights and the image of the golden generator, and
// compares with the logits that the official PyTorch code gave. Exits with 1 where a target misses the tolerance.
import * as path from "node:path";
import { atto, tolerance } from "./start-atto.mjs";

const dist = path.resolve(import.meta.dirname, "..", "dist");
const { findAdapter } = await import(path.join(dist, "node/gpu/adapters.js"));
const { spawnWithAdapter } = await import(path.join(dist, "node/gpu/gpu-process.js"));
const { once } = await import(path.join(dist, "node/executors/executor.js"));
const { onnxruntime } = await import(path.join(dist, "node/executors/onnxruntime.js"));
const { emit } = await import(path.join(dist, "compile.js"));
const { constants, elements } = await import(path.join(dist, "graph/graph.js"));
const { onnx } = await import(path.join(dist, "emit/onnx/onnx.js"));

/** One line that a terminal overwrites; nothing in a pipe. */
const progress = (/** @type {string} */ text) => {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}`);
};

/** @typedef {{ target: string, on: string, kernels: string, moved: string, ms: number, logits: Float32Array }} Row */

/** What cannot be done here, said as the compiler says it; exit code 5 is that of `cnxc` for such machines. */
const giveUp = (/** @type {readonly { message: string }[]} */ diagnostics) => {
  progress("");
  for (const { message } of diagnostics) console.error(`start: ${message}`);
  process.exit(5);
};

/** SwiftShader comes from npm, for Linux on x64 alone; elsewhere, whatever adapter the machine has. */
const adapter = async () => {
  const embedded = await findAdapter("swiftshader");
  const found = embedded.ok ? embedded : await findAdapter(null);
  return found.ok ? found.value.kind : giveUp([...embedded.diagnostics, ...found.diagnostics]);
};

/** @returns {Promise<Row>} */
const wgsl = async () => {
  progress("looking for a WebGPU adapter …");
  const kind = await adapter();
  progress(`compiling the kernels on ${kind} …`);
  const answer = await spawnWithAdapter(kind, path.join(import.meta.dirname, "start-webgpu.mjs"), { kind });
  return answer.ok ? { target: "wgsl", ...answer.value } : giveUp(answer.diagnostics);
};

/** @returns {Promise<Row>} */
const graph = async () => {
  progress("loading the graph into ONNX Runtime …");
  const { request, context } = atto();
  const unit = emit({ ...request, target: onnx, batch: { min: 1, max: 1 }, context });
  const run = await once(onnxruntime(false))(request);
  if (!unit.ok) return giveUp(unit.diagnostics);
  if (!run.ok) return giveUp(run.diagnostics);
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
