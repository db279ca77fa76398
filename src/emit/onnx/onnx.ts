import type { Graph } from "../../graph/graph.ts";
import { foldingPasses } from "../../passes/all.ts";
import { type EmitContext, type GraphTarget, loweredOps, type OutputFile } from "../target.ts";
import { constantsOf } from "./constants.ts";
import { inlineLimit, inlineProblems, onnxFiles, type Unwritten } from "./files.ts";
import { inHalf, type Widths, widths } from "./half.ts";
import { fileNames, huggingfaceFiles, huggingfaceProblems } from "./huggingface.ts";
import { type Lowered, lowerToOnnx } from "./lower.ts";
import { describe, metadata } from "./metadata.ts";
import { preprocessProblems, withPreprocessing } from "./preprocess-graph.ts";

/** The oldest format that may hold each opset, for the sake of old readers. */
export const irVersions = { 17: 8, 20: 9 } as const;

/** Standard operators only, so that the graph runs anywhere; with `half` in f16, but for what sums and normalises. */
export const onnxTarget = (half: boolean): GraphTarget => ({
  name: "onnx",
  takes: "graph",
  passes: foldingPasses,
  legal: loweredOps,
  problems: (graph, context) => [
    ...(context.onnx.layout === "huggingface" ? huggingfaceProblems(context.model) : []),
    ...(context.preprocess ? preprocessProblems(context) : []),
    ...(context.onnx.inline ? inlineProblems(onnxModel(graph, context, half ? widths : null), context.model) : []),
  ],
  emit: (graph, context) =>
    emitOnnx(graph, context, {
      widths: half ? widths : null,
      limit: context.onnx.inline ? Number.POSITIVE_INFINITY : inlineLimit,
    }),
});

export const onnx = onnxTarget(false);

export interface Storage {
  /** What is computed in f16; null is f32 throughout. */
  readonly widths: Widths | null;
  /** Bytes of weights up to which the model is one file. */
  readonly limit: number;
}

export function emitOnnx(graph: Graph, context: EmitContext, { widths, limit }: Storage): readonly OutputFile[] {
  const { weights, model, onnx: options } = context;
  const names = fileNames[widths === null ? "wide" : "half"];
  const files = onnxFiles(
    names.model,
    onnxModel(graph, context, widths),
    weights && constantsOf(graph, weights),
    limit,
  );
  const external = weights === null || files.length > 1;
  return options.layout === "huggingface" ? [...files, ...huggingfaceFiles(model, names, external)] : files;
}

export function onnxModel(graph: Graph, context: EmitContext, widths: Widths | null = null): Unwritten {
  const { preprocess = false } = context;
  const { opset } = context.onnx;
  const doc = describe(context);
  const plain = lowered(graph, opset, widths);
  const whole = preprocess ? withPreprocessing(plain, context.model.input) : plain;
  return {
    irVersion: irVersions[opset],
    opset,
    producer: { name: "cnxc", version: context.version },
    doc,
    metadata: metadata(context),
    graph: { ...whole, doc },
  };
}

/** In f16 a bias that a weight carries would be rounded with every value of a row. */
function lowered(graph: Graph, opset: number, widths: Widths | null): Lowered {
  const plain = lowerToOnnx(graph, { opset, carryBias: widths === null });
  return widths === null ? plain : inHalf(plain, graph, widths);
}
