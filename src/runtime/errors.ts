/** What can end a model's creation or a run. `code` is stable; the name is `code` in the usual spelling of errors. */
export type ModelErrorCode =
  | "adapter"
  | "limit"
  | "lost"
  | "out-of-memory"
  | "shader"
  | "input"
  | "weights"
  | "fetch"
  | "onnx"
  | "aborted"
  | "disposed";

const names: Readonly<Record<ModelErrorCode, string>> = {
  adapter: "AdapterError",
  limit: "LimitError",
  lost: "DeviceLostError",
  "out-of-memory": "OutOfMemoryError",
  shader: "ShaderError",
  input: "InputError",
  weights: "WeightsError",
  fetch: "FetchError",
  onnx: "OnnxError",
  aborted: "AbortError",
  disposed: "DisposedError",
};

export class ModelError extends Error {
  readonly code: ModelErrorCode;

  constructor(code: ModelErrorCode, message: string) {
    super(message);
    this.code = code;
    this.name = names[code];
  }
}

export function check(condition: unknown, code: ModelErrorCode, message: string): asserts condition {
  if (!condition) throw new ModelError(code, message);
}

export const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

/** The name that the language, or the Web, has for what something is, of whatever window it is. */
export const nameOf = (given: unknown): string => Object.prototype.toString.call(given).slice(8, -1);

/** What a call to WebGPU threw, as an error of ours: memory that an array has not, or a call that was rejected. */
export const named = (cause: unknown, what: string): ModelError =>
  cause instanceof ModelError
    ? cause
    : new ModelError(cause instanceof RangeError ? "out-of-memory" : "shader", `${what}: ${messageOf(cause)}`);
