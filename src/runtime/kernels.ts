import type { ModelDescriptor } from "./descriptor.ts";
import { ModelError } from "./errors.ts";
import { scoped } from "./gpu.ts";

/** All kernels, compiled in parallel. A shader that does not compile is a ShaderError with its place in the WGSL. */
export async function compileKernels(
  device: GPUDevice,
  model: ModelDescriptor,
): Promise<readonly GPUComputePipeline[]> {
  const compile = async (name: string, code: string): Promise<GPUComputePipeline> => {
    const label = `${model.name}/${name}`;
    const module = device.createShaderModule({ label, code });
    try {
      return await device.createComputePipelineAsync({
        label,
        layout: "auto",
        compute: { module, entryPoint: "main" },
      });
    } catch (cause) {
      const { messages } = await module.getCompilationInfo();
      const first = messages.find(message => message.type === "error");
      const place = first ? `${name}.wgsl:${first.lineNum}:${first.linePos}: ${first.message}` : `${name}: ${cause}`;
      throw new ModelError("shader", place);
    }
  };
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
