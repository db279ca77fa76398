import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import type { Graph } from "../../graph/graph.ts";
import { foldingPasses } from "../../passes/all.ts";
import { type EmitContext, type GraphTarget, type OutputFile, onnxOps } from "../target.ts";
import { constantsOf } from "./constants.ts";
import { inlineLimit, inlineProblems, onnxFiles, type Unwritten } from "./files.ts";
import { type FloatTypes, floatTypes, inF16 } from "./float-types.ts";
import { fileNames, huggingfaceFiles, huggingfaceProblems } from "./huggingface.ts";
import { type Lowered, lowerToOnnx } from "./lower.ts";
import { metadata, modelDoc } from "./metadata.ts";
import { preprocessProblems, withPreprocessing } from "./preprocess-graph.ts";
import { imageOf } from "./sides.ts";
import { sitesProblems } from "./sites.ts";
import { valuesOf } from "./value-info.ts";
import type { Style } from "./writer.ts";

/** The oldest format that may hold each opset, for the sake of old readers. */
export const irVersions = { 17: 8, 20: 9 } as const;

/** Standard operators only, so that the graph runs anywhere; with `half` in f16, but for what sums and normalises. */
export const onnxTarget = (half: boolean): GraphTarget => ({
  name: "onnx",
  takes: "graph",
  rewriting: foldingPasses,
  grouping: [],
  legal: onnxOps,
  problems: (graph, context) => [
    ...sitesProblems(graph),
    ...(context.onnx.layout === "huggingface" ? huggingfaceProblems(context.model) : []),
    ...(context.preprocess ? preprocessProblems(context) : []),
    ...(context.onnx.anySize ? anySizeProblems(context) : []),
    ...(context.onnx.inline ? inlineProblems(onnxModel(graph, context, half ? floatTypes : null), context.model) : []),
  ],
  emit: (graph, context) =>
    emitOnnx(graph, context, {
      floatTypes: half ? floatTypes : null,
      limit: context.onnx.inline ? Number.POSITIVE_INFINITY : inlineLimit,
    }),
});

export const onnx = onnxTarget(false);

/** What needs images of one size. */
const anySizeProblems = ({ model, preprocess }: EmitContext): readonly Diagnostic[] => [
  ...(model.head.kind === "fcmae"
    ? [error("any-size-misplaced", model.span, "head fcmae", "whose mask is of so many patches")]
    : []),
  ...(preprocess ? [error("any-size-misplaced", null, "--preprocess", "which fits images into one size")] : []),
];

export interface Storage {
  /** What is computed in f16; null is f32 throughout. */
  readonly floatTypes: FloatTypes | null;
  /** Bytes of weights up to which the model is one file. */
  readonly limit: number;
}

export function emitOnnx(graph: Graph, context: EmitContext, { floatTypes, limit }: Storage): readonly OutputFile[] {
  const { weights, model, onnx: options } = context;
  const names = fileNames[floatTypes === null ? "f32" : "f16"];
  const files = onnxFiles(
    names.model,
    onnxModel(graph, context, floatTypes),
    weights && { weights, read: constantsOf(graph, weights) },
    limit,
  );
  const external = weights === null || files.length > 1;
  return options.layout === "huggingface" ? [...files, ...huggingfaceFiles(model, names, external)] : files;
}

export function onnxModel(graph: Graph, context: EmitContext, floatTypes: FloatTypes | null = null): Unwritten {
  const { preprocess = false } = context;
  const { opset, anySize } = context.onnx;
  const doc = modelDoc(context);
  const plain = lowered(graph, { opset, anySize: anySize ? imageOf(context.model) : null }, floatTypes);
  const whole = preprocess ? withPreprocessing(plain, context.model) : plain;
  return {
    irVersion: irVersions[opset],
    opset,
    producer: { name: "cnxc", version: context.version },
    doc,
    metadata: metadata(context),
    graph: { ...whole, doc, values: valuesOf(whole) },
  };
}

/** In f16 a bias that a weight carries would be rounded with every value of a row. */
function lowered(graph: Graph, style: Omit<Style, "carryBias">, floatTypes: FloatTypes | null): Lowered {
  const plain = lowerToOnnx(graph, { ...style, carryBias: floatTypes === null });
  return floatTypes === null ? plain : inF16(plain, graph, floatTypes);
}
