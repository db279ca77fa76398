import { type Choice, chooseDevice, type RunsOn } from "../choose.ts";
import type { ModelDescriptor } from "../descriptor.ts";
import { check } from "../errors.ts";
import { type OnnxOptions, openOnnx } from "./session.ts";

/** A generated module, as far as it is used. */
export interface ModelModule<Options, M> {
  readonly descriptor: ModelDescriptor;
  readonly createModel: (options: Options) => Promise<M>;
}

/** A model that runs on WebGPU or without it. */
export type OpenModel<M extends { readonly run: unknown }> = Pick<M, "run"> & {
  readonly on: RunsOn;
  /** Frees the model, and the device where it was made for this. Twice is once. */
  readonly dispose: () => void;
};

/**
 * A generated module's model on WebGPU, on a device of its own where none is given; or by ONNX Runtime where that is what
 * `onnx` and the machine are for. Inputs and outputs are the same. Throws what `createModel` throws, and OnnxError.
 */
export async function openModel<
  Options extends { readonly device: GPUDevice },
  M extends { readonly run: unknown; readonly dispose: () => void },
>(
  { descriptor, createModel }: ModelModule<Options, M>,
  options: Omit<Options, "device"> & Choice & OnnxOptions,
): Promise<OpenModel<M>> {
  check(typeof options === "object" && options !== null, "input", "openModel takes options: { weights, onnx }");
  const device = await chooseDevice(descriptor, options);
  if (device === null) {
    const { run, dispose } = await openOnnx(descriptor, options);
    return { on: "onnx", run, dispose } as unknown as OpenModel<M>;
  }
  const end = (): void => {
    if (options.device === undefined) device.destroy();
  };
  try {
    const { run, dispose } = await createModel({ ...options, device } as unknown as Options);
    const disposed = (): void => {
      dispose();
      end();
    };
    return { on: "webgpu", run, dispose: disposed } as OpenModel<M>;
  } catch (cause) {
    end();
    throw cause;
  }
}
