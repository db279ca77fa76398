import type { Graph, Node, Rewritten } from "../../src/graph/graph.ts";
import { rewrite, type View } from "../../src/graph/rewrite.ts";
import type { Pass } from "../../src/passes/pass.ts";
import { type FoldOp, foldOps } from "../../src/plan/kernels.ts";

/** Steps in order, each by a vector that a letter stands for. */
export type Folds = readonly (readonly [op: FoldOp, by: string])[];

/** Orders that no pass of ours leaves. Kernels for WebGPU have room for two vectors besides LayerNorm's. */
export const foldOrders: Readonly<Record<string, Folds>> = {
  "a scale of the outputs before a shift of the inputs": [
    ["scaleOutputs", "t"],
    ["scaleBias", "t"],
    ["biasThrough", "a"],
  ],
  "two scales of the inputs in a row": [
    ["scaleInputs", "a"],
    ["scaleInputs", "b"],
  ],
  "each more than once, a shift through every weight": [
    ["biasThrough", "a"],
    ["scaleBias", "t"],
    ["scaleInputs", "a"],
    ["biasThrough", "a"],
    ["scaleOutputs", "t"],
    ["scaleBias", "t"],
    ["scaleOutputs", "t"],
    ["biasThrough", "a"],
  ],
};

/** Writes these folds, each by a new parameter, in front of every layer. */
export const writeFolds = (folds: Folds): Pass => {
  const rule = (node: Node, view: View) => foldedLayer(node, view, folds);
  const run = (graph: Graph) => rewrite(graph, { linear: rule, patchConv: rule, depthwise: rule });
  return { name: "write-folds", summary: "Fold what no pass folds", run };
};

function foldedLayer(node: Node, view: View, folds: Folds): readonly Rewritten[] {
  const [x = "", weight = "", bias = ""] = node.inputs;
  const [columns = 0, channels = 0] = (view.node(weight)?.type.shape ?? []) as readonly number[];
  const vectors = new Map(
    folds.map(([op, by]) => [`${node.id}.${by}`, foldOps[op].along === "columns" ? columns : channels]),
  );
  const params = [...vectors].map(([id, length]): Rewritten => {
    return { id, op: "param", inputs: [], attrs: { type: { dtype: "f32", shape: [length] } } };
  });
  const steps: Rewritten[] = [];
  let [w, b] = [weight, bias];
  for (const [i, [op, letter]] of folds.entries()) {
    const by = `${node.id}.${letter}`;
    const [wAfter, bAfter] = [`${weight}.${i}`, `${bias}.${i}`];
    if (op === "scaleInputs") steps.push({ id: wAfter, op: "scaleInputs", inputs: [w, by], attrs: {} });
    if (op === "scaleOutputs") steps.push({ id: wAfter, op: "scaleOutputs", inputs: [w, by], attrs: {} });
    if (op === "scaleBias") steps.push({ id: bAfter, op: "scaleOutputs", inputs: [b, by], attrs: {} });
    if (op === "biasThrough") steps.push({ id: bAfter, op: "biasThrough", inputs: [b, w, by], attrs: {} });
    if (foldOps[op].of === "weight") w = wAfter;
    else b = bAfter;
  }
  return [...params, ...steps, { ...node, inputs: [x, w, b] } as Rewritten];
}
