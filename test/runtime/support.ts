import { afterAll, expect, onTestFinished } from "vitest";
import { describe } from "../../src/emit/wgsl/descriptor.ts";
import type { Graph } from "../../src/graph/graph.ts";
import type { ModelDescriptor } from "../../src/runtime/descriptor.ts";
import { createModel, type Model, type ModelOptions } from "../../src/runtime/model.ts";
import type { Weights } from "../../src/weights/tensor.ts";
import { adapter, testDevice } from "../support/gpu.ts";
import { model, mustBuild, testInput, testWeights } from "../support/models.ts";
import { plannedWgsl } from "../support/wgsl.ts";

/** As few kernels as a model can have: every one takes a driver a while. */
export const tiny = model({ name: "tiny", depths: [1], dims: [6], input: { height: 16, width: 12, channels: 3 } });
export const graph: Graph = mustBuild(tiny);
export const weights: Weights = testWeights(graph, 1);
export const descriptor: ModelDescriptor = describe(plannedWgsl({ model: tiny, batch: { min: 1, max: 3 } }).plan);
export const classes = 10;
export const imageSize = 3 * 16 * 12;

export const tensors: Readonly<Record<string, Float32Array>> = Object.fromEntries(
  await Promise.all(descriptor.params.map(async ({ name }) => [name, await weights.f32(name)] as const)),
);

export const images = (batch: number, seed = 1): Float32Array<ArrayBuffer> =>
  Float32Array.from(testInput(tiny, batch, seed));

export const bits = (values: Float32Array | undefined): Uint8Array =>
  new Uint8Array(values?.buffer ?? new ArrayBuffer(0), values?.byteOffset, values?.byteLength);

/** A device that ends with its test, on which nothing may go wrong unnoticed. */
export async function newDevice(): Promise<GPUDevice> {
  const device = await testDevice();
  const stray: string[] = [];
  device.onuncapturederror = event => {
    stray.push(event.error.message);
  };
  onTestFinished(() => {
    device.onuncapturederror = null;
    device.destroy();
    if (stray.length > 0) throw new Error(`errors that nobody caught: ${stray.join("; ")}`);
  });
  return device;
}

export const create = (
  device: GPUDevice,
  { descriptor: of = descriptor, ...more }: Partial<ModelOptions> & { readonly descriptor?: ModelDescriptor } = {},
): Promise<Model> => createModel(of, { device, weights: tensors, ...more });

export interface Tampering {
  /** Runs out of memory at this call to createBuffer, counted from 0. */
  readonly outOfMemoryAt?: number;
  /** Called whenever work was submitted, in the same turn of the event loop, so that none of it can be over yet. */
  readonly submitted?: () => void;
}

export interface Tampered {
  readonly device: GPUDevice;
  /** Buffers made, and those of them that are not destroyed. */
  readonly made: () => number;
  readonly live: () => number;
}

/** A device that counts its buffers, compiles each shader once, runs out of memory on demand and tells what it submits. */
export function tamper(
  device: GPUDevice,
  compiled: Compiled,
  { outOfMemoryAt = -1, submitted = () => {} }: Tampering = {},
): Tampered {
  let [made, live] = [0, 0];
  const scopes: { readonly filter: GPUErrorFilter; failed: boolean }[] = [];
  const queue = overlaid(device.queue, {
    submit: (commands: readonly GPUCommandBuffer[]) => {
      device.queue.submit(commands);
      submitted();
    },
  });
  const tampered = overlaid(device, {
    queue,
    createBuffer: (wanted: GPUBufferDescriptor) => {
      if (made++ === outOfMemoryAt) {
        const scope = scopes.findLast(({ filter }) => filter === "out-of-memory");
        if (!scope) throw new Error("memory runs out outside of all error scopes");
        scope.failed = true;
      }
      const buffer = device.createBuffer(wanted);
      live++;
      const destroy = buffer.destroy.bind(buffer);
      let destroyed = false;
      Object.defineProperty(buffer, "destroy", {
        value: () => {
          if (!destroyed) live--;
          destroyed = true;
          destroy();
        },
      });
      return buffer;
    },
    pushErrorScope: (filter: GPUErrorFilter) => {
      scopes.push({ filter, failed: false });
      device.pushErrorScope(filter);
    },
    popErrorScope: async () => {
      const scope = scopes.pop();
      const error = await device.popErrorScope();
      return scope?.failed ? { message: "no memory" } : error;
    },
    createShaderModule: ({ label = "", code }: GPUShaderModuleDescriptor) => {
      const known = compiled.modules.get(code) ?? device.createShaderModule({ label, code });
      compiled.modules.set(code, known);
      return known;
    },
    createComputePipelineAsync: (wanted: GPUComputePipelineDescriptor) => {
      const { module, entryPoint = "main" } = wanted.compute;
      const ofModule = compiled.pipelines.get(module) ?? new Map<string, Promise<GPUComputePipeline>>();
      const known = ofModule.get(entryPoint) ?? device.createComputePipelineAsync(wanted);
      compiled.pipelines.set(module, ofModule.set(entryPoint, known));
      return known;
    },
  });
  return { device: tampered, made: () => made, live: () => live };
}

/** The same object with some properties of our own. */
export const overlaid = <T extends object>(object: T, own: Partial<Record<keyof T, unknown>>): T =>
  new Proxy(object, {
    get: (target, key) => {
      if (key in own) return own[key as keyof T];
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });

/** Shared by the tampered forms of one device. */
export interface Compiled {
  readonly modules: Map<string, GPUShaderModule>;
  readonly pipelines: Map<GPUShaderModule, Map<string, Promise<GPUComputePipeline>>>;
}
export const nothingCompiled = (): Compiled => ({ modules: new Map(), pipelines: new Map() });

/**
 * One device for all tests of a file, null where there is none, which ends with them and on which nothing may go wrong
 * unnoticed; and forms of it that others see nothing of, which share its shaders.
 */
export async function sharedDevice() {
  const compiled = nothingCompiled();
  const device = adapter === null ? null : await testDevice();
  const stray: string[] = [];
  if (device)
    device.onuncapturederror = event => {
      stray.push(event.error.message);
    };
  afterAll(() => {
    device?.destroy();
    expect(stray).toEqual([]);
  });
  return { device, counted: (tampering: Tampering = {}) => tamper(device as GPUDevice, compiled, tampering) };
}
