import type { Graph } from "../../graph/graph.ts";
import { foldGrnShift } from "../../passes/fold-grn-shift.ts";
import { foldLayerScale } from "../../passes/fold-layer-scale.ts";
import { foldLayernorm } from "../../passes/fold-layernorm.ts";
import { splitGrn } from "../../passes/split-grn.ts";
import { type EmitContext, type GraphTarget, loweredOps, type OutputFile } from "../target.ts";
import { constantsOf } from "./constants.ts";
import { inlineLimit, onnxFiles, type Unwritten } from "./files.ts";
import { huggingfaceFiles, huggingfaceProblems } from "./huggingface.ts";
import { lowerToOnnx } from "./lower.ts";
import { describe, metadata } from "./metadata.ts";
import { preprocessProblems, withPreprocessing } from "./preprocess-graph.ts";

/** The oldest format that may hold each opset, for the sake of old readers. */
const irVersions = { 17: 8, 20: 9 } as const;

/** Standard operators only, so that the graph runs anywhere. */
export const onnx: GraphTarget = {
  name: "onnx",
  takes: "graph",
  // GRN has to be split before its shift can be folded.
  passes: [splitGrn, foldGrnShift, foldLayerScale, foldLayernorm],
  legal: loweredOps,
  problems: context => [
    ...(context.onnx.layout === "huggingface" ? huggingfaceProblems(context.model) : []),
    ...(context.preprocess ? preprocessProblems(context) : []),
  ],
  emit: (graph, context) => emitOnnx(graph, context, inlineLimit),
};

/** `limit`: bytes of weights up to which the model is one file. */
export function emitOnnx(graph: Graph, context: EmitContext, limit: number): readonly OutputFile[] {
  const { weights, model, onnx: options } = context;
  const files = onnxFiles(onnxModel(graph, context), weights && constantsOf(graph, weights), limit);
  const external = weights === null || files.length > 1;
  return options.layout === "huggingface" ? [...files, ...huggingfaceFiles(model, external)] : files;
}

export function onnxModel(graph: Graph, context: EmitContext): Unwritten {
  const { preprocess = false } = context;
  const { opset } = context.onnx;
  const doc = describe(context);
  const lowered = lowerToOnnx(graph, opset);
  const whole = preprocess ? withPreprocessing(lowered, context.model.input) : lowered;
  return {
    irVersion: irVersions[opset],
    opset,
    producer: { name: "cnxc", version: context.version },
    doc,
    metadata: metadata(context),
    graph: { ...whole, doc },
  };
}
