import * as os from "node:os";
import * as path from "node:path";
import { fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error, withNote } from "../../diagnostics/messages.ts";
import { howToInstall, importPackage } from "../process/packages.ts";

/** Row-major float32 values; the batch is the first length. */
export interface OnnxValue {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** The same, or bytes where a graph takes uint8. */
export interface OnnxInput {
  readonly shape: readonly number[];
  readonly data: Float32Array | Uint8Array;
}

/** A model on disk, whose data file lies beside it; or bytes, and the data files that they name. */
export type OnnxSource = { readonly file: string } | OnnxBytes;

export interface OnnxBytes {
  readonly model: Uint8Array;
  /** By the location that the model names: `model.onnx_data`. */
  readonly data?: ReadonlyMap<string, Uint8Array>;
}

/** WebGPU is the one that ONNX Runtime brings; which adapter it finds, the environment of the process decides. */
export type OnnxProvider = "cpu" | "webgpu";

export interface OnnxOptions {
  /** The CPU where it is left out, which also runs what another provider lacks. */
  readonly provider?: OnnxProvider;
  /** Threads within an operator; all cores where it is left out. Operators run one after another. */
  readonly threads?: number;
  /** False runs the graph as it is written. */
  readonly optimize?: boolean;
}

export interface OnnxRun {
  readonly outputs: ReadonlyMap<string, OnnxValue>;
  readonly milliseconds: number;
}

/** A loaded model. `close` frees it. */
export interface OnnxSession {
  readonly run: (inputs: ReadonlyMap<string, OnnxInput>) => Promise<Result<OnnxRun>>;
  readonly close: () => Promise<void>;
}

/** The part of npm `onnxruntime-node` that is used here. */
interface Ort {
  readonly InferenceSession: { create(model: string | Uint8Array, options: object): Promise<Session> };
  readonly Tensor: new (
    type: "float32" | "uint8",
    data: Float32Array | Uint8Array,
    shape: readonly number[],
  ) => unknown;
}
interface Session {
  run(feeds: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, RawTensor>>>;
  release(): Promise<void>;
}
interface RawTensor {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** Loads a model into ONNX Runtime. Its npm package is an optional peer. */
export async function openOnnx(source: OnnxSource, options: OnnxOptions = {}): Promise<Result<OnnxSession>> {
  const loaded = await loadOrt();
  if (!loaded.ok) return loaded;
  const ort = loaded.value;
  const { provider = "cpu", threads = os.availableParallelism(), optimize = true } = options;
  const settings = {
    executionProviders: [...new Set([provider, "cpu"])],
    executionMode: "sequential",
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: optimize ? "all" : "disabled",
    logSeverityLevel: 3,
    ...("data" in source && source.data !== undefined ? { externalData: externalData(source.data) } : {}),
  };
  const name = "file" in source ? path.basename(source.file) : "the model";
  try {
    const session = await ort.InferenceSession.create("file" in source ? source.file : source.model, settings);
    return ok({ run: inputs => run(ort, session, inputs), close: () => session.release() });
  } catch (cause) {
    return fail(error("tool-failed", null, "ONNX Runtime", `it does not load ${name}: ${reasonOf(cause)}`));
  }
}

/** Loads, runs once and frees. */
export async function runOnnx(
  source: OnnxSource,
  inputs: ReadonlyMap<string, OnnxInput>,
  options: OnnxOptions = {},
): Promise<Result<OnnxRun>> {
  const session = await openOnnx(source, options);
  if (!session.ok) return session;
  try {
    return await session.value.run(inputs);
  } finally {
    await session.value.close();
  }
}

async function run(ort: Ort, session: Session, inputs: ReadonlyMap<string, OnnxInput>): Promise<Result<OnnxRun>> {
  try {
    const feeds = [...inputs].map(([name, { shape, data }]) => {
      const type = data instanceof Uint8Array ? "uint8" : "float32";
      return [name, new ort.Tensor(type, data, shape)] as const;
    });
    const start = performance.now();
    const results = await session.run(Object.fromEntries(feeds));
    const milliseconds = performance.now() - start;
    const outputs = Object.entries(results).map(([name, { dims, data }]) => [name, { shape: dims, data }] as const);
    return ok({ outputs: new Map(outputs), milliseconds });
  } catch (cause) {
    return fail(error("tool-failed", null, "ONNX Runtime", reasonOf(cause)));
  }
}

const externalData = (data: ReadonlyMap<string, Uint8Array>): readonly object[] =>
  [...data].map(([location, bytes]) => ({ path: location, data: bytes }));

async function loadOrt(): Promise<Result<Ort>> {
  try {
    const loaded = (await importPackage("onnxruntime-node")) as (Ort & { readonly default?: Ort }) | null;
    if (loaded === null) return fail(missingOnnxRuntime);
    return ok(loaded.default ?? loaded);
  } catch (cause) {
    return fail(error("tool-failed", null, "npm package onnxruntime-node", reasonOf(cause)));
  }
}

export const missingOnnxRuntime = withNote(
  error(
    "missing-tool",
    null,
    "the npm package onnxruntime-node",
    "running ONNX graphs",
    howToInstall("--ignore-scripts onnxruntime-node"),
  ),
  "it is optional, so that compiling needs no native code; its install script would fetch CUDA libraries, unused here",
);

const reasonOf = (cause: unknown): string =>
  cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : String(cause);
