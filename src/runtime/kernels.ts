import type { ModelDescriptor } from "./descriptor.ts";
import { ModelError, named } from "./errors.ts";
import type { Memory } from "./gpu.ts";

export interface KernelSource {
  readonly label: string;
  /** Of its file, less the ending. */
  readonly name: string;
  readonly code: string;
  readonly entryPoint: string;
}

/**
 * All kernels, compiled in parallel; each that is ready is told. A shader that does not compile is a ShaderError with its place
 * in the WGSL.
 */
export async function compileKernels(
  { device, scoped }: Memory,
  what: string,
  sources: readonly KernelSource[],
  ready: () => void = () => {},
): Promise<readonly GPUComputePipeline[]> {
  // The scope keeps bad modules from the device's uncaptured errors; their pipelines say more about them.
  const { result: compiling, report } = scoped(what, () =>
    sources.map(async source => {
      const pipeline = await compile(device, source);
      ready();
      return pipeline;
    }),
  );
  // Where one fails, the others are waited for: nothing is under way afterwards.
  await Promise.allSettled(compiling);
  const pipelines = await Promise.all(compiling);
  await report;
  return pipelines;
}

async function compile(
  device: GPUDevice,
  { label, name, code, entryPoint }: KernelSource,
): Promise<GPUComputePipeline> {
  try {
    const module = device.createShaderModule({ label, code });
    return await device
      .createComputePipelineAsync({ label, layout: "auto", compute: { module, entryPoint } })
      .catch(async cause => {
        const { messages } = await module.getCompilationInfo();
        const first = messages.find(message => message.type === "error");
        const place = first ? `${name}.wgsl:${first.lineNum}:${first.linePos}: ${first.message}` : `${name}: ${cause}`;
        throw new ModelError("shader", place);
      });
  } catch (cause) {
    throw named(cause, name);
  }
}

/** The kernels of a model as the device can run them. */
export function kernelsFor(
  device: GPUDevice,
  { name: model, kernels, half }: ModelDescriptor,
): readonly KernelSource[] {
  const fitting = (code: string): string =>
    half && !device.features.has("shader-f16") ? code.replace(half.native, half.unpacked) : code;
  return kernels.map(({ name, code }) => ({
    label: `${model}/${name}`,
    name,
    code: fitting(code),
    entryPoint: "main",
  }));
}
