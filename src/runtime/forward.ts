import type { ModelDescriptor, Step } from "./descriptor.ts";
import { ModelError, messageOf, named } from "./errors.ts";
import { bytesPerElement, type Memory, mapModeRead, usage } from "./gpu.ts";
import { type Buffers, type Inputs, isBuffer, lengthOf } from "./inputs.ts";
import { aimMs, now, pace } from "./pace.ts";
import { type Cut, cutter, type Part } from "./parts.ts";
import type { Recorder } from "./recorder.ts";

export type Outputs = Record<string, Float32Array<ArrayBuffer>>;

/** Work that the GPU has been given; what comes of it is not there yet. */
export interface Submitted<T> {
  readonly result: Promise<T>;
}

/** What a run reads and writes, and where its results are copied to, to be looked at. */
interface Places {
  readonly io: Buffers;
  readonly results: readonly {
    readonly name: string;
    readonly bytes: number;
    readonly from: GPUBuffer;
    readonly to: GPUBuffer;
  }[];
}

const nowhere: Places = { io: {}, results: [] };

/**
 * One forward pass from the caller's arrays into new ones, through buffers that are kept from run to run, but not after
 * one that failed: some may be invalid then. `memory` is for nothing else. `wanted` is asked before each part of a long
 * pass, and throws where it should go no further. A pass may be started while others wait for their results, `ring` of
 * them at a time; it waits where there are as many.
 */
export function forward(
  descriptor: ModelDescriptor,
  recorder: Recorder,
  memory: Memory,
  ring = 1,
): (inputs: Inputs, batch: number, wanted: () => void) => Promise<Submitted<Outputs>> {
  const { device } = memory;
  const kept = new Map<string, GPUBuffer>();
  const { guess, took } = pace();
  /** Passes under way; none of these is rejected. */
  const underway: Promise<unknown>[] = [];
  let passes = 0;
  let isBroken = false;
  /** When the part that was done last was done. */
  let doneAt = 0;

  const buffer = (key: string, bytes: number, flags: number): GPUBuffer => {
    const known = kept.get(key);
    if (known && known.size >= bytes) return known;
    if (known) memory.free(known);
    const made = memory.buffer(`${descriptor.name} ${key}`, bytes, flags);
    kept.set(key, made);
    return made;
  };

  const discard = (): void => {
    memory.freeAll();
    kept.clear();
    isBroken = false;
  };

  const prepare = (inputs: Inputs, batch: number, slot: number): Places => {
    const io: Record<string, GPUBuffer> = {};
    for (const { name } of descriptor.inputs) {
      const given = inputs[name] as Float32Array<ArrayBuffer> | GPUBuffer;
      if (isBuffer(given)) {
        io[name] = given;
        continue;
      }
      io[name] = buffer(`input ${name}`, given.byteLength, usage.storage | usage.copyDst);
      device.queue.writeBuffer(io[name], 0, given);
    }
    const results = descriptor.outputs.map(port => {
      const { name } = port;
      const bytes = lengthOf(port, batch) * bytesPerElement;
      io[name] = buffer(`output ${name}`, bytes, usage.storage | usage.copySrc);
      return {
        name,
        bytes,
        from: io[name],
        to: buffer(`result ${name} ${slot}`, bytes, usage.mapRead | usage.copyDst),
      };
    });
    return { io, results };
  };

  const submit = (batch: number, { io, results }: Places, parts: readonly Part[], isLast: boolean): void => {
    const encoder = device.createCommandEncoder({ label: descriptor.name });
    recorder.reserve(batch, parts);
    recorder.record(encoder, batch, io, parts);
    if (isLast) for (const { from, to, bytes } of results) encoder.copyBufferToBuffer(from, 0, to, 0, bytes);
    device.queue.submit([encoder.finish()]);
  };

  const map = ({ results }: Places): readonly Promise<void>[] =>
    results.map(({ to, bytes }) => {
      const mapped = to.mapAsync(mapModeRead, 0, bytes).catch(cause => {
        // A buffer that is good, of a device that is there, cannot be read for want of memory only.
        throw new ModelError("out-of-memory", `${descriptor.name}: its results cannot be read: ${messageOf(cause)}`);
      });
      mapped.catch(() => {});
      return mapped;
    });

  const read = ({ results }: Places): Outputs => {
    const outputs: Outputs = {};
    for (const { name, to, bytes } of results) {
      outputs[name] = new Float32Array(to.getMappedRange(0, bytes).slice(0));
      to.unmap();
    }
    return outputs;
  };

  /** Waits for a part of a pass, and learns how long it took since the part before was done. */
  const timed = async (work: Promise<unknown>, start: number, { parts, guessed }: Cut): Promise<void> => {
    await work;
    const end = now();
    took(
      parts.map(({ step }) => (descriptor.steps[step] as Step).kernel),
      guessed,
      end - Math.max(start, doneAt),
    );
    doneAt = end;
  };

  const pass = async (inputs: Inputs, batch: number, wanted: () => void, slot: number): Promise<Submitted<Outputs>> => {
    const next = cutter(descriptor.steps, batch, guess);
    let places = nowhere;
    /** The last part, and the one before: with one under way the GPU has work while the next is prepared. */
    let [done, before] = [Promise.resolve(), Promise.resolve()];
    for (let cut = next(aimMs); cut !== null; cut = next(aimMs)) {
      const { parts, isLast } = cut;
      await before;
      before = done;
      const start = now();
      wanted();
      const { result: mapped, report } = memory.scoped(descriptor.name, () => {
        if (places === nowhere) places = prepare(inputs, batch, slot);
        submit(batch, places, parts, isLast);
        // Asked for at once: later, the buffer might be gone.
        return isLast ? map(places) : [];
      });
      await report;
      done = timed(isLast ? Promise.all(mapped) : device.queue.onSubmittedWorkDone(), start, cut);
      done.catch(() => {});
    }
    return { result: Promise.all([before, done]).then(() => read(places)) };
  };

  return async (inputs, batch, wanted) => {
    const own = passes++;
    await underway[own % ring];
    if (isBroken) {
      await Promise.all(underway);
      discard();
    }
    try {
      const submitted = await pass(inputs, batch, wanted, own % ring);
      const result = submitted.result.catch(cause => {
        // What a pass that has begun since works with is left to it.
        if (own === passes - 1) discard();
        else isBroken = true;
        throw named(cause, descriptor.name);
      });
      underway[own % ring] = result.catch(() => {});
      return { result };
    } catch (cause) {
      await Promise.all(underway);
      discard();
      throw named(cause, descriptor.name);
    }
  };
}
