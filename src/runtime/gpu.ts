import { check, type ModelError, named } from "./errors.ts";

/** WebGPU's usage flags: fixed by the standard, while the globals that name them are missing outside browsers. */
export const usage = { mapRead: 0x1, copySrc: 0x4, copyDst: 0x8, uniform: 0x40, storage: 0x80 } as const;
export const textureUsage = { copySrc: 0x1, copyDst: 0x2, renderAttachment: 0x10 } as const;
export const mapModeRead = 0x1;

/** Of what goes in and out: f32. */
export const bytesPerElement = 4;

/** Of an element of a buffer. */
export const widthOf = ({ half = false }: { readonly half?: boolean }): number => (half ? 2 : bytesPerElement);

export const elements = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** What came of some work at once, and what WebGPU has to say of it. */
export interface Scoped<T> {
  readonly result: T;
  /** Rejected with OutOfMemoryError or ShaderError; whoever does not care need not hear of it. */
  readonly report: Promise<void>;
}

/** Allocates, and remembers what to free. */
export interface Memory {
  readonly device: GPUDevice;
  readonly buffer: (label: string, bytes: number, flags: number) => GPUBuffer;
  /** Whether it was made here, and is neither freed nor part of work that failed. */
  readonly has: (buffer: GPUBuffer) => boolean;
  readonly free: (buffer: GPUBuffer) => void;
  readonly freeAll: () => void;
  /** Called when work has failed, or everything is freed: bind groups that somebody keeps may be invalid then. */
  readonly onDiscard: (forget: () => void) => void;
  /**
   * Does some work inside error scopes; what WebGPU reports there becomes a named error, as does what the work throws.
   * The buffers that failed work made are freed. Scopes are a stack that all users of the device share, so the work may
   * not wait for anything: only the report is waited for.
   */
  readonly scoped: <T>(what: string, work: () => T) => Scoped<T>;
}

export function memory(device: GPUDevice): Memory {
  const owned = new Set<GPUBuffer>();
  const caches: (() => void)[] = [];
  /** By the latest work. */
  let made: GPUBuffer[] = [];

  const free = (buffer: GPUBuffer): void => {
    if (owned.delete(buffer)) buffer.destroy();
  };

  const discard = (buffers: Iterable<GPUBuffer>): void => {
    for (const buffer of buffers) free(buffer);
    for (const forget of caches) forget();
  };

  /** Frees what failed work made, and names what became of it. */
  const failure = (cause: unknown, what: string, buffers: readonly GPUBuffer[]): ModelError => {
    discard(buffers);
    return named(cause, what);
  };

  const reported = async (
    reports: readonly [Promise<GPUError | null>, Promise<GPUError | null>],
    what: string,
    buffers: readonly GPUBuffer[],
  ): Promise<void> => {
    try {
      const [validation, outOfMemory] = await Promise.all(reports);
      check(!outOfMemory, "out-of-memory", `${what}: the GPU is out of memory: ${outOfMemory?.message}`);
      check(!validation, "shader", `${what}: ${validation?.message}`);
    } catch (cause) {
      throw failure(cause, what, buffers);
    }
  };

  return {
    device,
    buffer: (label, bytes, flags) => {
      const buffer = device.createBuffer({ label, size: Math.ceil(bytes / 4) * 4, usage: flags });
      owned.add(buffer);
      made.push(buffer);
      return buffer;
    },
    has: buffer => owned.has(buffer),
    free,
    freeAll: () => discard(owned),
    onDiscard: forget => {
      caches.push(forget);
    },
    scoped: (what, work) => {
      const buffers: GPUBuffer[] = [];
      made = buffers;
      device.pushErrorScope("out-of-memory");
      device.pushErrorScope("validation");
      let report: Promise<void>;
      let result: ReturnType<typeof work>;
      try {
        result = work();
      } catch (cause) {
        throw failure(cause, what, buffers);
      } finally {
        report = reported([device.popErrorScope(), device.popErrorScope()], what, buffers);
        report.catch(() => {});
      }
      return { result, report };
    },
  };
}
