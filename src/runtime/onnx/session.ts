import type { OnnxSource } from "../choose.ts";
import type { ModelDescriptor } from "../descriptor.ts";
import { check, ModelError, messageOf } from "../errors.ts";
import type { Outputs } from "../forward.ts";
import { batchOf } from "../inputs.ts";
import type { OnProgress } from "../progress.ts";
import type { Model } from "../runnable.ts";
import { type Aborting, abortable, checkSignal } from "../state.ts";
import { turns } from "../turns.ts";
import { fetchGraph } from "./fetch-graph.ts";

/** What is used of ONNX Runtime, for the Web as for Node. */
interface Ort {
  readonly InferenceSession: { create(graph: Uint8Array, options?: object): Promise<Session> };
  readonly Tensor: new (type: "float32", data: Float32Array, dims: readonly number[]) => unknown;
}

interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(feeds: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, { readonly data: unknown }>>>;
  release(): Promise<void>;
}

export interface OnnxOptions {
  readonly onnx?: OnnxSource | undefined;
  readonly onProgress?: OnProgress;
  readonly signal?: Aborting | undefined;
}

/** What ends in ONNX Runtime, as an error of ours. */
const told = async <T>(work: Promise<T>, what: string): Promise<T> => {
  try {
    return await work;
  } catch (cause) {
    throw cause instanceof ModelError ? cause : new ModelError("onnx", `${what}: ${messageOf(cause)}`);
  }
};

/**
 * The model of a descriptor as ONNX Runtime runs its graph: the inputs and outputs of the kernels, but no buffers of a GPU.
 * Throws InputError, FetchError, OnnxError or AbortError.
 */
export async function openOnnx(
  descriptor: ModelDescriptor,
  { onnx, onProgress, signal }: OnnxOptions,
): Promise<Pick<Model, "run" | "dispose">> {
  const { name } = descriptor;
  const loads = typeof onnx?.runtime === "function" && (typeof onnx.model === "string" || "href" in Object(onnx.model));
  check(
    loads,
    "input",
    `${name}: onnx takes { model: the address of a graph, runtime: a function that imports onnxruntime-web }`,
  );
  const { model, runtime, options } = onnx;
  const what = `the creation of ${name}`;
  checkSignal(signal, what);
  const opening = async (): Promise<readonly [Ort, Session]> => {
    const [loaded, graph] = await Promise.all([
      told(Promise.resolve(runtime()), "ONNX Runtime cannot be loaded"),
      fetchGraph(typeof model === "string" ? model : model.href, { onProgress, signal }),
    ]);
    const ort = ortOf(loaded);
    const session = await told(ort.InferenceSession.create(graph.bytes, options), `ONNX Runtime takes no ${name}`);
    if (signal?.aborted) await session.release();
    else graph.done();
    return [ort, session];
  };
  const [{ Tensor }, session] = await abortable(opening(), signal, what);
  checkPorts(descriptor, session);

  const take = turns();
  let disposed = false;
  const alive = (): void => check(!disposed, "disposed", `${name} was disposed of`);
  const once = async (inputs: Parameters<Model["run"]>[0]): Promise<Outputs> => {
    const batch = batchOf(descriptor, inputs);
    const feeds = descriptor.inputs.map(port => {
      const data = inputs[port.name];
      check(data instanceof Float32Array, "input", `input '${port.name}' is a GPUBuffer: ONNX Runtime takes an array`);
      return [port.name, new Tensor("float32", data, port.perImage ? [batch, ...port.shape] : port.shape)] as const;
    });
    const results = await told(session.run(Object.fromEntries(feeds)), `a run of ${name} on ONNX Runtime`);
    return Object.fromEntries(
      descriptor.outputs.map(port => [port.name, results[port.name]?.data as Float32Array<ArrayBuffer>]),
    );
  };

  return {
    run: (inputs, running = {}) => {
      const ofRun = `a run of ${name}`;
      const wanted = (): void => {
        alive();
        checkSignal(running.signal, ofRun);
      };
      const done = take(async () => {
        wanted();
        const outputs = await once(inputs);
        wanted();
        return outputs;
      });
      return abortable(done, running.signal, ofRun);
    },
    dispose: () => {
      if (disposed) return;
      disposed = true;
      // In its turn: what runs still reads the session.
      take(() => session.release()).catch(() => {});
    },
  };
}

/** Modules of CommonJS come as the default of what was imported. */
function ortOf(loaded: unknown): Ort {
  const found = [loaded, Object(loaded).default].find(module => Object(module).InferenceSession !== undefined);
  check(found, "onnx", "what runtime loads is no ONNX Runtime: it is to import onnxruntime-web");
  return found as Ort;
}

function checkPorts({ name, inputs, outputs }: ModelDescriptor, { inputNames, outputNames }: Session): void {
  const hint = inputNames.includes("image") ? ": compile it without --preprocess" : "";
  for (const port of inputs)
    check(inputNames.includes(port.name), "onnx", `the graph is no ${name}, it has no input '${port.name}'${hint}`);
  for (const port of outputs)
    check(outputNames.includes(port.name), "onnx", `the graph is no ${name}, it has no output '${port.name}'`);
}
