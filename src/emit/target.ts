import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { Graph } from "../graph/graph.ts";
import { type OpName, opNames, trainingOps } from "../graph/ops.ts";
import type { Model, Recipe, TargetName } from "../model/model.ts";
import type { Pass } from "../passes/pass.ts";
import type { Plan } from "../plan/plan.ts";
import type { Machine } from "../plan/target.ts";
import type { Weights } from "../weights/tensor.ts";

/** A file of the output, by its path below the output directory, with `/` between the parts. */
export interface OutputFile {
  readonly path: string;
  /** Large data comes in chunks, read from the weights while it is written. */
  readonly contents: string | Uint8Array | AsyncIterable<Uint8Array>;
}

/** What an emitter may know besides the graph or plan. */
export interface EmitContext {
  readonly model: Model;
  /** Bound to the model's parameters; null where the spec alone is compiled. */
  readonly weights: Weights | null;
  /** SHA-256 of the spec and what it imports, in hex. */
  readonly specHash: string;
  /** Name of the spec file as the first line of a generated file quotes it. */
  readonly specName: string;
  /** Version of cnxc. */
  readonly version: string;
  readonly onnx: OnnxOptions;
  /** What fits images of any size into the input is emitted too; false where it is left out. */
  readonly preprocess?: boolean;
  /** The model for software adapters, where the target has kernels of their own for them. */
  readonly software?: Plan | null;
  /** The host module is emitted as one file with its runtime too; false where it is left out. */
  readonly bundle?: boolean;
  /** What trains the model is emitted too; null or left out where it is not. */
  readonly training?: Training | null;
  /** A new SHA-256, to say that of a file of weights; left out where no file is to say it. */
  readonly newHash?: () => FileHash;
}

export interface FileHash {
  readonly update: (bytes: Uint8Array) => void;
  /** Of all that was fed, in hex. Once. */
  readonly digest: () => string;
}

/** How a model learns. */
export interface Training {
  readonly recipe: Recipe;
  /** The model with its gradients. */
  readonly plan: Plan;
}

/** Of what is made in memory, which no file has to say where it is from. */
export const inMemoryContext: Omit<EmitContext, "model"> = {
  weights: null,
  specHash: "",
  specName: "",
  version: "",
  onnx: { opset: 20, layout: "plain" },
};

export interface OnnxOptions {
  readonly opset: 17 | 20;
  /** `huggingface` adds the files that make the folder loadable by transformers.js. */
  readonly layout: "plain" | "huggingface";
  /** Weights of any size go into the graph's own file; else those above a gigabyte stand beside it. */
  readonly inline?: boolean;
  /** Height and width of images are the caller's. */
  readonly anySize?: boolean;
}

const without = (...ops: readonly OpName[]): ReadonlySet<OpName> => new Set(opNames.filter(op => !ops.includes(op)));

/** What kernels are made of: a network's ops but those that `split-grn` and `split-conv` take apart. */
export const loweredOps: ReadonlySet<OpName> = without("grn", "conv", ...trainingOps);

/** What ONNX graphs are made of, where a convolution is one operator. */
export const onnxOps: ReadonlySet<OpName> = without("grn", "unfold", "reshape", ...trainingOps);

/** What kernels that learn are made of: LayerNorm is taken apart too. */
export const learningOps: ReadonlySet<OpName> = without("grn", "conv", "layernorm");

interface TargetBase {
  readonly name: TargetName;
  /** What changes the graph, in order; the target's own list says where order matters. */
  readonly rewriting: readonly Pass[];
  /** What is computed together, after all that changes the graph. */
  readonly grouping: readonly Pass[];
  /** Ops that may be left after the passes. */
  readonly legal: ReadonlySet<OpName>;
}

export interface GraphTarget extends TargetBase {
  readonly takes: "graph";
  /** What the target cannot make of a model under the options given. */
  readonly problems: (graph: Graph, context: EmitContext) => readonly Diagnostic[];
  readonly emit: (graph: Graph, context: EmitContext) => readonly OutputFile[];
}

export interface KernelTarget extends TargetBase, Machine {
  readonly takes: "plan";
  /** What keeps a plan from becoming this target's kernels. */
  readonly problems: (plan: Plan) => readonly Diagnostic[];
  readonly emit: (plan: Plan, context: EmitContext) => readonly OutputFile[];
  /** What plans the same model for software adapters, where what is emitted holds kernels for both. */
  readonly software?: KernelTarget;
}

export type Target = GraphTarget | KernelTarget;
