import { onTestFinished } from "vitest";
import { inlineLimit } from "../../../src/emit/onnx/files.ts";
import { type FloatTypes, floatTypes } from "../../../src/emit/onnx/float-types.ts";
import { emitOnnx, onnx } from "../../../src/emit/onnx/onnx.ts";
import type { EmitContext, OnnxOptions, OutputFile } from "../../../src/emit/target.ts";
import type { Graph } from "../../../src/graph/graph.ts";
import { verify } from "../../../src/graph/verify.ts";
import type { Model } from "../../../src/model/model.ts";
import { type OnnxBytes, type OnnxSession, openOnnx } from "../../../src/node/executors/onnx.ts";
import { compactSitesAs } from "../../../src/passes/compact-sites.ts";
import { runPasses } from "../../../src/passes/pass.ts";
import type { SiteLayout } from "../../../src/passes/site-layout.ts";
import type { Weights } from "../../../src/weights/tensor.ts";

export interface Compile {
  readonly model: Model;
  readonly graph: Graph;
  readonly weights: Weights | null;
  readonly opset?: 17 | 20;
  readonly layout?: OnnxOptions["layout"];
  readonly sites?: SiteLayout;
  /** Two where it is left out. One waits for no other on a busy machine. */
  readonly threads?: number;
  /** False runs the graph as it is written. */
  readonly optimize?: boolean;
  /** Written in f16. */
  readonly half?: boolean | FloatTypes;
  /** Bytes of weights above which they go to a file of their own. */
  readonly limit?: number;
  /** As `--onnx-inline`. */
  readonly inline?: boolean;
  /** As `--any-size`. */
  readonly anySize?: boolean;
}

export const contextOf = ({
  model,
  weights,
  opset = 20,
  layout = "plain",
  inline = false,
  anySize = false,
}: Compile): EmitContext => ({
  model,
  weights,
  specHash: "00".repeat(32),
  specName: "test.cnx",
  version: "0.0.0",
  onnx: { opset, layout, inline, anySize },
});

/** What the target's passes make of a graph. */
export const loweredGraph = (graph: Graph, sites: SiteLayout = "auto"): Graph =>
  verify(runPasses(graph, [compactSitesAs(sites), ...onnx.rewriting]), onnx.name, onnx.legal);

export const onnxOutput = (given: Compile): readonly OutputFile[] =>
  emitOnnx(loweredGraph(given.graph, given.sites), contextOf(given), {
    floatTypes: given.half === true ? floatTypes : given.half || null,
    limit: given.limit ?? inlineLimit,
  });

export async function bytesOf({ contents }: OutputFile): Promise<Uint8Array> {
  if (typeof contents === "string") return new TextEncoder().encode(contents);
  if (contents instanceof Uint8Array) return contents;
  const parts: Uint8Array[] = [];
  for await (const part of contents) parts.push(part);
  return Buffer.concat(parts);
}

export async function compiledBytes(given: Compile): Promise<OnnxBytes> {
  const files = new Map<string, Uint8Array>();
  for (const file of onnxOutput(given)) files.set(file.path, await bytesOf(file));
  const name = given.half ? "model_fp16.onnx" : "model.onnx";
  const data = files.get(`onnx/${name}_data`);
  return {
    model: files.get(`onnx/${name}`) ?? new Uint8Array(),
    ...(data === undefined ? {} : { data: new Map([[`${name}_data`, data]]) }),
  };
}

/** A session of ONNX Runtime that ends with its test. */
export async function sessionOf(given: Compile): Promise<OnnxSession> {
  const session = await openOnnx(await compiledBytes(given), {
    threads: given.threads ?? 2,
    optimize: given.optimize ?? true,
  });
  if (!session.ok) throw new Error(session.diagnostics[0]?.message);
  onTestFinished(() => session.value.close());
  return session.value;
}

/** One run on an image batch, and its masks where the model takes them; outputs by name. */
export async function outputsOf(session: OnnxSession, model: Model, values: Float32Array, mask?: Float32Array) {
  const { channels, height, width } = model.input;
  const batch = values.length / (channels * height * width);
  const inputs = new Map([["pixel_values", { shape: [batch, channels, height, width], data: values }]]);
  if (mask) inputs.set("mask", { shape: [batch, mask.length / batch], data: mask });
  const run = await session.run(inputs);
  if (!run.ok) throw new Error(run.diagnostics[0]?.message);
  return run.value.outputs;
}
