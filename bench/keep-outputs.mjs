// @ts-check
// A pass for measurements of a part of a model: only some of its outputs are computed.
import * as path from "node:path";

const { dropDead } = await import(path.resolve(import.meta.dirname, "../dist/graph/rewrite.js"));

/** @returns {import("../src/passes/pass.ts").Pass} */
export const keepOutputs = (/** @type {readonly string[]} */ names) => ({
  name: "keep-outputs",
  summary: "Keep only some outputs of a model",
  run: graph => dropDead({ ...graph, outputs: graph.outputs.filter(({ name }) => names.includes(name)) }),
});
