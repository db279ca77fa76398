import type { OptimizerKernel, TrainerDescriptor } from "../descriptor.ts";
import { check } from "../errors.ts";
import type { Submitted } from "../forward.ts";
import { bytesPerElement, type Memory, mapModeRead, usage } from "../gpu.ts";
import { compileKernels } from "../kernels.ts";
import { align, type Held, type StateKind, slices } from "./shelves.ts";

/** Elements that a workgroup treats, of every kernel here. */
const each = 4096;

export async function optimizerKernels(lasting: Memory, { name, optimizer }: TrainerDescriptor) {
  const names = Object.keys(optimizer) as OptimizerKernel[];
  const sources = names.map(kernel => ({
    label: `${name}/${kernel}`,
    name: kernel,
    code: optimizer[kernel],
    entryPoint: "main",
  }));
  const pipelines = await compileKernels(lasting, name, sources);
  return Object.fromEntries(names.map((kernel, i) => [kernel, pipelines[i]])) as Record<
    OptimizerKernel,
    GPUComputePipeline
  >;
}

export interface AdamwStep {
  readonly lr: number;
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly first: number;
  readonly second: number;
  readonly ema: number;
}

/** What came of an update. */
export interface Updated {
  /** Of all gradients together, before clipping. */
  readonly gradNorm: number;
  /** The norm was not finite, and nothing has changed. */
  readonly skipped: boolean;
}

/** What can be read of a parameter: its gradients of the latest step besides what is kept. */
export type KeptKind = StateKind | "gradient";

/** What acts on all parameters alike. */
export function acting(
  lasting: Memory,
  pipelines: Readonly<Record<OptimizerKernel, GPUComputePipeline>>,
  held: readonly Held[],
  {
    clip,
    gradients,
  }: {
    readonly clip: number | null;
    readonly gradients: readonly (readonly [name: string, GPUBufferBinding])[];
  },
) {
  const { device } = lasting;
  const uniform = (label: string) => lasting.buffer(label, 32, usage.uniform | usage.copyDst);
  const [shares, bound, step] = [uniform("share"), uniform("bound"), uniform("step")];
  const parts = held.map(({ shelf }) => Math.ceil(shelf.elements / each));
  // A shelf's sums begin where a binding may.
  const starts = parts.map((_, i) =>
    parts.slice(0, i).reduce((sum, count) => sum + Math.ceil(count / align) * align, 0),
  );
  const all = (starts.at(-1) ?? 0) + (parts.at(-1) ?? 0);
  const partials = lasting.buffer("squares", all * bytesPerElement, usage.storage);
  const norm = lasting.buffer("norm", 8, usage.storage | usage.copySrc);
  device.queue.writeBuffer(bound, 0, Float32Array.of(clip ?? 0, 0, 0, 0));

  const dispatch = (
    pass: GPUComputePassEncoder,
    kernel: OptimizerKernel,
    resources: readonly (GPUBuffer | GPUBufferBinding)[],
    groups: number,
  ): void => {
    const entries = resources.map((resource, binding) => ({
      binding,
      resource: "buffer" in resource ? resource : { buffer: resource },
    }));
    pass.setPipeline(pipelines[kernel]);
    pass.setBindGroup(0, device.createBindGroup({ layout: pipelines[kernel].getBindGroupLayout(0), entries }));
    const rows = Math.ceil(groups / 65535);
    pass.dispatchWorkgroups(Math.ceil(groups / rows), rows);
  };
  const submit = async (record: (pass: GPUComputePassEncoder) => void): Promise<void> => {
    const { report } = lasting.scoped("the optimizer", () => {
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      record(pass);
      pass.end();
      device.queue.submit([encoder.finish()]);
    });
    await report;
  };
  const readBack = async (buffer: GPUBuffer, offset: number, bytes: number): Promise<Float32Array<ArrayBuffer>> => {
    const to = lasting.buffer("read", bytes, usage.mapRead | usage.copyDst);
    try {
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(buffer, offset, to, 0, bytes);
      device.queue.submit([encoder.finish()]);
      await to.mapAsync(mapModeRead);
      return new Float32Array(to.getMappedRange().slice(0));
    } finally {
      lasting.free(to);
    }
  };

  const placeOf = (kind: KeptKind, name: string) => {
    const own = slices(held, name, ({ state, sum }) => (kind === "gradient" ? sum : state[kind]));
    check(own, "input", `there is no ${kind} of '${name}'`);
    return own as typeof own & { readonly buffer: GPUBuffer };
  };

  return {
    accumulate: (share: number, isFirst: boolean): Promise<void> => {
      const values = new ArrayBuffer(32);
      new Float32Array(values)[0] = share;
      new Uint32Array(values)[1] = isFirst ? 1 : 0;
      device.queue.writeBuffer(shares, 0, values);
      return submit(pass => {
        for (const [name, gradient] of gradients) {
          const own = slices(held, name, ({ sum }) => sum) as { buffer: GPUBuffer; size: number };
          dispatch(pass, "accumulate", [gradient, own, shares], Math.ceil(own.size / bytesPerElement / each));
        }
      });
    },
    update: async ({ lr, betas, eps, first, second, ema }: AdamwStep): Promise<Submitted<Updated>> => {
      device.queue.writeBuffer(step, 0, Float32Array.of(lr, betas[0], betas[1], eps, first, second, 1 - ema, 0));
      await submit(pass => {
        for (const [i, { sum }] of held.entries()) {
          const [offset, count] = [starts[i] as number, parts[i] as number];
          const own = { buffer: partials, offset: offset * bytesPerElement, size: count * bytesPerElement };
          dispatch(pass, "gradientSquares", [sum, own], count);
        }
        dispatch(pass, "gradientNorm", [partials, norm, bound], 1);
        for (const { sum, state, shelf, treatment } of held) {
          const average = state.ema === null ? [] : [state.ema];
          const kept = [state.param, state.exp_avg, state.exp_avg_sq] as GPUBuffer[];
          dispatch(pass, "adamw", [...kept, sum, treatment, norm, step, ...average], Math.ceil(shelf.elements / each));
        }
      });
      const result = readBack(norm, 0, 8).then(([gradNorm = Number.NaN, scale = 0]) => ({
        gradNorm,
        skipped: scale === 0,
      }));
      result.catch(() => {});
      return { result };
    },
    read: async (kind: KeptKind, name: string): Promise<Float32Array<ArrayBuffer>> => {
      const { buffer, offset, size } = placeOf(kind, name);
      return readBack(buffer, offset, size);
    },
    write: (kind: KeptKind, name: string, values: Float32Array): void => {
      const { buffer, offset } = placeOf(kind, name);
      device.queue.writeBuffer(buffer, offset, values as Float32Array<ArrayBuffer>);
    },
  };
}
