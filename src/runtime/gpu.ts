import { check } from "./errors.ts";

/** WebGPU's usage flags: fixed by the standard, while the globals that name them are missing outside browsers. */
export const usage = { mapRead: 0x1, copySrc: 0x4, copyDst: 0x8, uniform: 0x40, storage: 0x80 } as const;
export const mapModeRead = 0x1;

/** Of what goes in and out: f32. */
export const bytesPerElement = 4;

/** Of an element of a buffer. */
export const widthOf = ({ half = false }: { readonly half?: boolean }): number => (half ? 2 : bytesPerElement);

export const elements = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

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

/**
 * Does some work inside error scopes; what WebGPU reports there becomes a named error. Scopes are a stack that all
 * users of the device share, so the work may not wait for anything: only the report is waited for.
 */
export async function scoped<T>(device: GPUDevice, what: string, work: () => T): Promise<T> {
  device.pushErrorScope("out-of-memory");
  device.pushErrorScope("validation");
  let reports: readonly [Promise<GPUError | null>, Promise<GPUError | null>];
  let result: T;
  try {
    result = work();
  } finally {
    reports = [device.popErrorScope(), device.popErrorScope()];
    for (const report of reports) report.catch(() => {});
  }
  const [validation, outOfMemory] = await Promise.all(reports);
  check(!outOfMemory, "out-of-memory", `${what}: the GPU is out of memory: ${outOfMemory?.message}`);
  check(!validation, "shader", `${what}: ${validation?.message}`);
  return result;
}
