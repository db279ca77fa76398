import { overlaid } from "./support.ts";

/** What may fail: calls that make something, that hand work over, and that are waited for. */
export type Call =
  | "createBuffer"
  | "createBindGroup"
  | "createShaderModule"
  | "createComputePipelineAsync"
  | "createCommandEncoder"
  | "writeBuffer"
  | "submit"
  | "mapAsync"
  | "getMappedRange"
  | "popErrorScope"
  | "onSubmittedWorkDone";

/**
 * How. `out-of-memory` and `validation` are what WebGPU does: an invalid object, and an error in the scope around it.
 * `throws` and `rejects` are exceptions, and what `hangs` never ends, of a device that is told to be lost.
 */
export type Way = "out-of-memory" | "validation" | "throws" | "rejects" | "hangs";

/** Every way in which something can fail, and be told, that is done while a model, or images, are made ready or run. */
export const faults: readonly { readonly call: Call; readonly way: Exclude<Way, "hangs"> }[] = [
  ...(["out-of-memory", "validation", "throws"] as const).flatMap(way => [
    { call: "createBuffer" as const, way },
    { call: "createBindGroup" as const, way },
  ]),
  { call: "createShaderModule", way: "validation" },
  { call: "createShaderModule", way: "throws" },
  { call: "createComputePipelineAsync", way: "rejects" },
  { call: "createComputePipelineAsync", way: "throws" },
  { call: "createCommandEncoder", way: "throws" },
  { call: "writeBuffer", way: "throws" },
  { call: "submit", way: "throws" },
  { call: "mapAsync", way: "rejects" },
  { call: "mapAsync", way: "throws" },
  { call: "getMappedRange", way: "throws" },
  { call: "popErrorScope", way: "rejects" },
  { call: "onSubmittedWorkDone", way: "rejects" },
];

/** What a lost device may leave without an answer. */
export const waited = [
  "createComputePipelineAsync",
  "mapAsync",
  "popErrorScope",
  "onSubmittedWorkDone",
] as const satisfies readonly Call[];

export interface Faulty {
  readonly device: GPUDevice;
  /** The call after so many others of its name fails, counted from now on. Whether it did is asked later. */
  readonly fail: (call: Call, after: number, way: Way) => () => boolean;
  /** Before the call after so many others, whatever their names, something is done. Whether it was is asked later. */
  readonly interrupt: (after: number, act: () => void) => () => boolean;
  /** Tells that the device is lost, which it may not be. */
  readonly lose: () => void;
  /** Error scopes that are open. */
  readonly depth: () => number;
}

/** A device on which one call fails, or before one of which something happens. */
export function faulty(base: GPUDevice): Faulty {
  const scopes: { readonly filter: GPUErrorFilter; failed: boolean }[] = [];
  let fault: { readonly call: Call; readonly way: Way; left: number } | null = null;
  let interruption: { readonly act: () => void; left: number } | null = null;

  let lose = (): void => {};
  const lost = new Promise<Pick<GPUDeviceLostInfo, "message" | "reason">>(resolve => {
    lose = () => resolve({ message: "as a test wants it", reason: "unknown" });
  });
  base.lost.then(lose);

  /** How a call is to fail now. */
  const due = (call: Call): Way | null => {
    if (interruption && interruption.left-- === 0) {
      const { act } = interruption;
      interruption = null;
      act();
    }
    if (fault?.call !== call || fault.left-- > 0) return null;
    const { way } = fault;
    fault = null;
    return way;
  };

  /** What fails may be told: an invalid object where that is the way, made by `invalid`. */
  const attempt = <T>(call: Call, work: () => T, invalid?: () => T): T => {
    const way = due(call);
    if (way === null) return work();
    if (way === "throws") throw new RangeError(`${call} throws`);
    if (way === "rejects") return rejected(work(), call);
    if (way === "hangs") {
      lose();
      return new Promise(() => {}) as T;
    }
    if (!invalid) throw new Error(`${call} makes nothing that could be invalid`);
    if (way === "validation") return invalid();
    base.pushErrorScope("validation");
    const made = invalid();
    base.popErrorScope();
    const scope = scopes.findLast(({ filter }) => filter === "out-of-memory");
    if (!scope) throw new Error("memory runs out outside of all error scopes");
    scope.failed = true;
    return made;
  };

  /** The call is made, but not what comes of it known. */
  const rejected = <T>(result: T, call: Call): T => {
    (result as Promise<unknown>).catch(() => {});
    return Promise.reject(new DOMException(`${call} rejects`, "OperationError")) as T;
  };

  const createBuffer = (wanted: GPUBufferDescriptor): GPUBuffer => {
    const buffer = attempt(
      "createBuffer",
      () => base.createBuffer(wanted),
      () => base.createBuffer({ ...wanted, usage: 0xffff }),
    );
    const { mapAsync, getMappedRange } = buffer;
    return Object.defineProperties(buffer, {
      mapAsync: { value: (...words: [number]) => attempt("mapAsync", () => mapAsync.apply(buffer, words)) },
      getMappedRange: {
        value: (...words: []) => attempt("getMappedRange", () => getMappedRange.apply(buffer, words)),
      },
    });
  };

  const { queue } = base;
  const device = overlaid(base, {
    lost,
    createBuffer,
    queue: overlaid(queue, {
      writeBuffer: (...words: Parameters<GPUQueue["writeBuffer"]>) =>
        attempt("writeBuffer", () => queue.writeBuffer(...words)),
      submit: (commands: readonly GPUCommandBuffer[]) => attempt("submit", () => queue.submit(commands)),
      onSubmittedWorkDone: () => attempt("onSubmittedWorkDone", () => queue.onSubmittedWorkDone()),
    }),
    createBindGroup: (wanted: GPUBindGroupDescriptor) =>
      attempt(
        "createBindGroup",
        () => base.createBindGroup(wanted),
        () => base.createBindGroup({ ...wanted, entries: [] }),
      ),
    createShaderModule: (wanted: GPUShaderModuleDescriptor) =>
      attempt(
        "createShaderModule",
        () => base.createShaderModule(wanted),
        () => base.createShaderModule({ ...wanted, code: "nonsense" }),
      ),
    createComputePipelineAsync: (wanted: GPUComputePipelineDescriptor) =>
      attempt("createComputePipelineAsync", () => base.createComputePipelineAsync(wanted)),
    createCommandEncoder: (wanted?: GPUCommandEncoderDescriptor) =>
      attempt("createCommandEncoder", () => base.createCommandEncoder(wanted)),
    pushErrorScope: (filter: GPUErrorFilter) => {
      scopes.push({ filter, failed: false });
      base.pushErrorScope(filter);
    },
    popErrorScope: () => {
      const scope = scopes.pop();
      return attempt("popErrorScope", async () => {
        const error = await base.popErrorScope();
        return scope?.failed ? { message: "no memory" } : error;
      });
    },
  });

  return {
    device,
    fail: (call, after, way) => {
      const armed = { call, way, left: after };
      fault = armed;
      return () => {
        if (fault !== armed) return true;
        fault = null;
        return false;
      };
    },
    interrupt: (after, act) => {
      const armed = { act, left: after };
      interruption = armed;
      return () => {
        if (interruption !== armed) return true;
        interruption = null;
        return false;
      };
    },
    lose,
    depth: () => scopes.length,
  };
}
