import type { ModelDescriptor } from "./descriptor.ts";
import { check, ModelError } from "./errors.ts";

/** WebGPU's usage flags: fixed by the standard, while the globals that name them are missing outside browsers. */
export const usage = { mapRead: 0x1, copySrc: 0x4, copyDst: 0x8, storage: 0x80 } as const;
const mapModeRead = 0x1;

/** Allocates, and remembers what to free. */
export interface Memory {
  readonly buffer: (label: string, bytes: number, flags: number) => GPUBuffer;
  readonly free: (buffer: GPUBuffer) => void;
  readonly freeAll: () => void;
}

export function memory(device: GPUDevice): Memory {
  const owned = new Set<GPUBuffer>();
  const free = (buffer: GPUBuffer): void => {
    if (owned.delete(buffer)) buffer.destroy();
  };
  return {
    buffer: (label, bytes, flags) => {
      const buffer = device.createBuffer({ label, size: Math.ceil(bytes / 4) * 4, usage: flags });
      owned.add(buffer);
      return buffer;
    },
    free,
    freeAll: () => {
      for (const buffer of owned) free(buffer);
    },
  };
}

/** Runs work inside error scopes; what WebGPU reports there becomes a named error. */
export async function scoped<T>(device: GPUDevice, what: string, work: () => Promise<T> | T): Promise<T> {
  device.pushErrorScope("out-of-memory");
  device.pushErrorScope("validation");
  let result: T;
  let failure: unknown = null;
  try {
    result = await work();
  } catch (cause) {
    failure = cause;
  }
  const validation = await device.popErrorScope();
  const outOfMemory = await device.popErrorScope();
  check(!outOfMemory, "out-of-memory", `${what}: the GPU is out of memory: ${outOfMemory?.message}`);
  if (failure !== null) throw failure;
  check(!validation, "shader", `${what}: ${validation?.message}`);
  // biome-ignore lint/style/noNonNullAssertion: set, or `failure` was thrown
  return result!;
}

/** All kernels, compiled in parallel. A shader that does not compile is a ShaderError with its place in the WGSL. */
export const compileKernels = (device: GPUDevice, model: ModelDescriptor): Promise<readonly GPUComputePipeline[]> =>
  Promise.all(
    model.kernels.map(async ({ name, code }) => {
      const module = device.createShaderModule({ label: `${model.name}/${name}`, code });
      try {
        return await device.createComputePipelineAsync({
          label: `${model.name}/${name}`,
          layout: "auto",
          compute: { module, entryPoint: "main" },
        });
      } catch (cause) {
        const { messages } = await module.getCompilationInfo();
        const first = messages.find(message => message.type === "error");
        const place = first ? `${name}.wgsl:${first.lineNum}:${first.linePos}: ${first.message}` : `${name}: ${cause}`;
        throw new ModelError("shader", place);
      }
    }),
  );

/** The first `bytes` of a mappable buffer, copied out. */
export async function readBack(staging: GPUBuffer, bytes: number): Promise<Float32Array<ArrayBuffer>> {
  await staging.mapAsync(mapModeRead, 0, bytes);
  const values = new Float32Array(staging.getMappedRange(0, bytes).slice(0));
  staging.unmap();
  return values;
}
