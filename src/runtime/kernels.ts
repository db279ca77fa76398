import type { ModelDescriptor } from "./descriptor.ts";
import { ModelError } from "./errors.ts";
import { scoped } from "./gpu.ts";

export interface KernelSource {
  readonly label: string;
  /** Of its file, less the ending. */
  readonly name: string;
  readonly code: string;
  readonly entryPoint: string;
}

/** A shader that does not compile is a ShaderError with its place in the WGSL. */
export async function compileKernel(
  device: GPUDevice,
  { label, name, code, entryPoint }: KernelSource,
): Promise<GPUComputePipeline> {
  const module = device.createShaderModule({ label, code });
  try {
    return await device.createComputePipelineAsync({ label, layout: "auto", compute: { module, entryPoint } });
  } catch (cause) {
    const { messages } = await module.getCompilationInfo();
    const first = messages.find(message => message.type === "error");
    const place = first ? `${name}.wgsl:${first.lineNum}:${first.linePos}: ${first.message}` : `${name}: ${cause}`;
    throw new ModelError("shader", place);
  }
}

/** All kernels, compiled in parallel. */
export async function compileKernels(
  device: GPUDevice,
  model: ModelDescriptor,
): Promise<readonly GPUComputePipeline[]> {
  const compile = (name: string, code: string): Promise<GPUComputePipeline> =>
    compileKernel(device, { label: `${model.name}/${name}`, name, code, entryPoint: "main" });
  const { half } = model;
  const fitting = (code: string): string =>
    half && !device.features.has("shader-f16") ? code.replace(half.native, half.unpacked) : code;
  const compiling: Promise<GPUComputePipeline>[] = [];
  // The scope keeps bad modules from the device's uncaptured errors; their pipelines say more about them.
  const scope = scoped(device, model.name, () => {
    for (const { name, code } of model.kernels) compiling.push(compile(name, fitting(code)));
  }).then(
    () => null,
    (cause: unknown) => cause,
  );
  const pipelines = await Promise.all(compiling);
  const failure = await scope;
  if (failure !== null) throw failure;
  return pipelines;
}
