import type { BufferDescriptor, ModelDescriptor, OptimizerKernel, TrainerDescriptor } from "./descriptor.ts";
import { checkLimits } from "./device.ts";
import { check, named } from "./errors.ts";
import { forward } from "./forward.ts";
import { bytesPerElement, elements, type Memory, mapModeRead, memory, usage } from "./gpu.ts";
import { batchOf, type Inputs } from "./inputs.ts";
import { compileKernels, kernelsFor } from "./kernels.ts";
import { recorder } from "./recorder.ts";
import { watch } from "./state.ts";

/** What is kept of every parameter: itself, AdamW's moments, and the average of the weights where there is one. */
export type StateKind = "param" | "exp_avg" | "exp_avg_sq" | "ema";

/** How a parameter is treated. */
export interface Learned {
  readonly name: string;
  /** What its learning rate is of the step's. */
  readonly lrScale: number;
  /** 0 where it does not decay. */
  readonly weightDecay: number;
}

export interface TrainerOptions {
  /** Yours: the trainer never destroys it. */
  readonly device: GPUDevice;
  /** Every parameter of the descriptor. */
  readonly params: readonly Learned[];
  readonly betas: readonly [number, number];
  readonly eps: number;
  /** The largest norm of all gradients together, or null. */
  readonly clip: number | null;
  /** Decay of the average of the weights, or null. */
  readonly ema: number | null;
  /** What to start from; where it gives null, moments are 0, the average is the parameter. */
  readonly start: (kind: StateKind, name: string) => Promise<Float32Array | null>;
}

export interface UpdateOptions {
  readonly lr: number;
  /** Which update it is, from 1; those that were skipped do not count. */
  readonly n: number;
}

export interface Trainer {
  /**
   * Adds the gradients of a micro-batch, times its share in the step, to those since the last update, and gives its loss.
   * Throws InputError, DeviceLostError, OutOfMemoryError or DisposedError.
   */
  readonly accumulate: (inputs: Inputs, share: number) => Promise<number>;
  /** Changes the weights by what was accumulated; where the norm of that is not finite, nothing changes. */
  readonly update: (options: UpdateOptions) => Promise<{ readonly gradNorm: number; readonly skipped: boolean }>;
  /** A parameter's values, in the official order. */
  readonly read: (kind: StateKind, name: string) => Promise<Float32Array>;
  readonly dispose: () => void;
}

/** Parameters begin at multiples of so many elements: WebGPU binds no others, and the optimizer treats so many alike. */
const align = 64;
/** Elements of a buffer of parameters: what WebGPU binds by default. */
const mostElements = 2 ** 25;
/** Elements whose squares a workgroup sums. */
const squaresEach = 4096;

/** Parameters that lie in one buffer, one after the other. */
interface Shelf {
  readonly elements: number;
  readonly places: ReadonlyMap<string, { readonly offset: number; readonly elements: number }>;
}

/** Parameters in their order, on as few shelves as hold them. */
function shelvesOf({ params }: Pick<ModelDescriptor, "params">): readonly Shelf[] {
  const shelves: { elements: number; places: Map<string, { offset: number; elements: number }> }[] = [];
  for (const { name, shape } of params) {
    const count = elements(shape);
    const padded = Math.ceil(count / align) * align;
    const last = shelves.at(-1);
    const shelf = last && last.elements + padded <= mostElements ? last : { elements: 0, places: new Map() };
    if (shelf !== last) shelves.push(shelf);
    shelf.places.set(name, { offset: shelf.elements, elements: count });
    shelf.elements += padded;
  }
  return shelves;
}

/** The GPU's side of a shelf. */
interface Held {
  readonly shelf: Shelf;
  /** What is kept from step to step. */
  readonly state: Readonly<Record<StateKind, GPUBuffer | null>>;
  /** Gradients of the step. */
  readonly sum: GPUBuffer;
  readonly treatment: GPUBuffer;
}

/** As a pass runs it: packing first, and gradients kept for the optimizer. */
const asPass = (descriptor: TrainerDescriptor): ModelDescriptor => ({
  ...descriptor,
  outputs: descriptor.outputs.filter(({ name }) => !isGradient(name)),
  buffers: descriptor.buffers.map(
    (buffer): BufferDescriptor =>
      buffer.at === "io" && isGradient(buffer.name) && !buffer.perImage
        ? { at: "derived", name: buffer.name, elements: buffer.elements, perImage: false }
        : buffer,
  ),
  setup: [],
  steps: [...descriptor.setup, ...descriptor.steps],
});

const gradient = "grad.";
const isGradient = (name: string): boolean => name.startsWith(gradient);

/** Compiles the kernels and loads what it starts from. Throws as `createModel` does. */
export async function createTrainer(descriptor: TrainerDescriptor, options: TrainerOptions): Promise<Trainer> {
  const { device, params, betas, eps, clip, ema, start } = options;
  const { name } = descriptor;
  const [lasting, forRuns] = [memory(device), memory(device)];
  const state = watch(device, name);
  const free = (): void => {
    lasting.freeAll();
    forRuns.freeAll();
  };
  try {
    checkLimits(descriptor, device.limits, "device");
    const pass = asPass(descriptor);
    const pipelines = await compileKernels(lasting, name, kernelsFor(device, descriptor));
    const optimizer = await optimizerKernels(lasting, descriptor);
    const held = await hold(descriptor, lasting, { params, hasAverage: ema !== null, start });
    const weights = bindingsOf(pass, held, lasting);
    const once = forward(pass, recorder(pass, { pipelines, weights }, forRuns, false), forRuns);
    const gradients = pass.buffers.flatMap(({ at, name }, index) =>
      at === "derived" && isGradient(name)
        ? [[name.slice(gradient.length), weights.get(index) as GPUBufferBinding] as const]
        : [],
    );
    const act = acting(lasting, optimizer, held, { clip, gradients });
    let isFirst = true;
    let turn: Promise<unknown> = Promise.resolve();
    /** One thing at a time: what changes the weights waits for the pass that reads them. */
    const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
      const done = turn.then(() => {
        state.alive();
        return state.guard(work);
      });
      turn = done.catch(() => {});
      return done;
    };
    return {
      accumulate: (inputs, share) =>
        inTurn(async () => {
          const { loss } = await once(inputs, batchOf(pass, inputs), state.alive);
          await act.accumulate(share, isFirst);
          isFirst = false;
          return loss?.[0] ?? Number.NaN;
        }),
      update: ({ lr, n }) =>
        inTurn(async () => {
          check(!isFirst, "input", "an update needs gradients: accumulate some first");
          isFirst = true;
          return act.update({
            lr,
            betas,
            eps,
            ema: ema ?? 0,
            first: 1 - betas[0] ** n,
            second: Math.sqrt(1 - betas[1] ** n),
          });
        }),
      read: (kind, param) => inTurn(() => act.read(kind, param)),
      dispose: () => {
        state.dispose();
        free();
      },
    };
  } catch (cause) {
    free();
    throw named(cause, name);
  }
}

async function optimizerKernels(lasting: Memory, { name, optimizer }: TrainerDescriptor) {
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

/** Buffers of everything that is kept, filled with what there is to start from. */
async function hold(
  descriptor: TrainerDescriptor,
  lasting: Memory,
  { params, hasAverage, start }: Pick<TrainerOptions, "params" | "start"> & { readonly hasAverage: boolean },
): Promise<readonly Held[]> {
  const { device } = lasting;
  const treated = new Map(params.map(param => [param.name, param]));
  const held: Held[] = [];
  for (const shelf of shelvesOf(descriptor)) {
    const bytes = shelf.elements * bytesPerElement;
    const flags = usage.storage | usage.copyDst | usage.copySrc;
    const treatments = new Float32Array((2 * shelf.elements) / align);
    const { result, report } = lasting.scoped(descriptor.name, () => {
      const make = (what: string) => lasting.buffer(`${descriptor.name} ${what}`, bytes, flags);
      return {
        state: {
          param: make("param"),
          exp_avg: make("exp_avg"),
          exp_avg_sq: make("exp_avg_sq"),
          ema: hasAverage ? make("ema") : null,
        },
        sum: make("gradients of a step"),
        treatment: lasting.buffer(`${descriptor.name} treatment`, treatments.byteLength, usage.storage | usage.copyDst),
      };
    });
    await report;
    for (const [param, { offset, elements: count }] of shelf.places) {
      const { lrScale = 1, weightDecay = 0 } = treated.get(param) ?? {};
      for (let block = offset / align; block < (offset + count) / align; block++)
        treatments.set([lrScale, weightDecay], 2 * block);
      const first = await start("param", param);
      check(first?.length === count, "weights", `no weights for '${param}', which has ${count} elements`);
      for (const [kind, buffer] of Object.entries(result.state) as [StateKind, GPUBuffer | null][]) {
        if (buffer === null) continue;
        const values = kind === "param" ? first : ((await start(kind, param)) ?? (kind === "ema" ? first : null));
        if (values) device.queue.writeBuffer(buffer, offset * bytesPerElement, values as Float32Array<ArrayBuffer>);
      }
    }
    device.queue.writeBuffer(result.treatment, 0, treatments);
    held.push({ shelf, ...result });
  }
  return held;
}

/**
 * Where each value of a pass lies that is no scratch: parameters on their shelves, the others by themselves. Gradients too: a
 * step reads one and writes another, which WebGPU allows of no buffer.
 */
function bindingsOf(
  pass: ModelDescriptor,
  held: readonly Held[],
  lasting: Memory,
): ReadonlyMap<number, GPUBufferBinding> {
  const found = new Map<number, GPUBufferBinding>();
  for (const [index, { at, name, elements: count }] of pass.buffers.entries()) {
    if (at !== "param" && at !== "derived") continue;
    const shelved = at === "param" ? slices(held, name, ({ state }) => state.param) : null;
    found.set(index, shelved ?? { buffer: lasting.buffer(name, count * bytesPerElement, usage.storage) });
  }
  return found;
}

/** A parameter's part of one of its shelf's buffers; null where it has none. */
function slices(
  held: readonly Held[],
  name: string,
  of: (held: Held) => GPUBuffer | null,
): (GPUBufferBinding & { readonly offset: number; readonly size: number }) | null {
  const where = held.find(({ shelf }) => shelf.places.has(name));
  const place = where?.shelf.places.get(name);
  const buffer = where && of(where);
  if (!place || !buffer) return null;
  return { buffer, offset: place.offset * bytesPerElement, size: place.elements * bytesPerElement };
}

interface AdamwStep {
  readonly lr: number;
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly first: number;
  readonly second: number;
  readonly ema: number;
}

/** What acts on all parameters alike. */
function acting(
  lasting: Memory,
  pipelines: Readonly<Record<OptimizerKernel, GPUComputePipeline>>,
  held: readonly Held[],
  {
    clip,
    gradients,
  }: Pick<TrainerOptions, "clip"> & { readonly gradients: readonly (readonly [name: string, GPUBufferBinding])[] },
) {
  const { device } = lasting;
  const uniform = (label: string) => lasting.buffer(label, 32, usage.uniform | usage.copyDst);
  const [shares, bound, step] = [uniform("share"), uniform("bound"), uniform("step")];
  const parts = held.map(({ shelf }) => Math.ceil(shelf.elements / squaresEach));
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
  const readBack = async (buffer: GPUBuffer, offset: number, bytes: number): Promise<Float32Array> => {
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

  return {
    accumulate: (share: number, isFirst: boolean): Promise<void> => {
      const values = new ArrayBuffer(32);
      new Float32Array(values)[0] = share;
      new Uint32Array(values)[1] = isFirst ? 1 : 0;
      device.queue.writeBuffer(shares, 0, values);
      return submit(pass => {
        for (const [name, gradient] of gradients) {
          const own = slices(held, name, ({ sum }) => sum) as { buffer: GPUBuffer; size: number };
          dispatch(pass, "accumulate", [gradient, own, shares], Math.ceil(own.size / bytesPerElement / align));
        }
      });
    },
    update: async ({ lr, betas, eps, first, second, ema }: AdamwStep) => {
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
          dispatch(pass, "adamw", [...kept, sum, treatment, norm, step, ...average], shelf.elements / align);
        }
      });
      const [gradNorm = Number.NaN, scale = 0] = await readBack(norm, 0, 8);
      return { gradNorm, skipped: scale === 0 };
    },
    read: async (kind: StateKind, name: string): Promise<Float32Array> => {
      const own = slices(held, name, ({ state }) => state[kind]);
      check(own, "input", `there is no ${kind} of '${name}'`);
      const { buffer, offset, size } = own as { buffer: GPUBuffer; offset: number; size: number };
      return readBack(buffer, offset, size);
    },
  };
}
