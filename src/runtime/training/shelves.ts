import type { ModelDescriptor, TrainerDescriptor } from "../descriptor.ts";
import { check } from "../errors.ts";
import { bytesPerElement, elements, type Memory, usage } from "../gpu.ts";

// Where a trainer keeps parameters: side by side in few buffers, so that what acts on all of them alike is one dispatch.

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

/** Parameters begin at multiples of so many elements: WebGPU binds no others, and the optimizer treats so many alike. */
export const align = 64;
/** Elements of a buffer of parameters: what WebGPU binds by default. */
const mostElements = 2 ** 25;
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
export interface Held {
  readonly shelf: Shelf;
  /** What is kept from step to step. */
  readonly state: Readonly<Record<StateKind, GPUBuffer | null>>;
  /** Gradients of the step. */
  readonly sum: GPUBuffer;
  readonly treatment: GPUBuffer;
}

export interface Start {
  /** Every parameter of the descriptor. */
  readonly params: readonly Learned[];
  /** What to start from; where it gives null, moments are 0, the average is the parameter. */
  readonly start: (kind: StateKind, name: string) => Promise<Float32Array | null>;
}

/** Buffers of everything that is kept, filled with what there is to start from. */
export async function hold(
  descriptor: TrainerDescriptor,
  lasting: Memory,
  { params, hasAverage, start }: Start & { readonly hasAverage: boolean },
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

/** A parameter's part of one of its shelf's buffers; null where it has none. */
export function slices(
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
