import { check } from "./errors.ts";
import { bytesPerElement, type Memory, memory, usage } from "./gpu.ts";
import { compileKernels } from "./kernels.ts";
import { watch } from "./state.ts";

/** A model's preprocessing: the WGSL of `compile --preprocess` and the input that it fits images into. */
export interface PreprocessDescriptor {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** 3 where it is left out. */
  readonly channels?: number;
  readonly code: string;
}

/** RGBA, eight bits a channel, row by row: an `ImageData` is one. */
export interface RgbaImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint8ClampedArray;
}

/**
 * Images of any sizes to `pixel_values` [N, C, H, W] for `run` or `encode`: submitted when it returns, in the order of
 * the device's queue. The buffer (usage STORAGE and COPY_SRC) is the caller's, to destroy too. Throws InputError for an
 * image that is none or too large for the device, OutOfMemoryError and DeviceLostError, and then has freed everything.
 */
export type Preprocessor = (images: RgbaImage | readonly RgbaImage[]) => Promise<GPUBuffer>;

/** Compiles the kernels. Throws ShaderError or DeviceLostError. A page that never calls this does not load it. */
export async function createPreprocessor(device: GPUDevice, descriptor: PreprocessDescriptor): Promise<Preprocessor> {
  const { name, width, height, channels = 3, code } = descriptor;
  const what = `the preprocessing of ${name}`;
  const state = watch(device, what);
  const sources = ["across", "down"].map(entryPoint => ({
    label: `${name}/preprocess`,
    name: "preprocess",
    code,
    entryPoint,
  }));
  const pipelines = await state.guard(() => compileKernels(memory(device), what, sources));
  const [across, down] = pipelines as [GPUComputePipeline, GPUComputePipeline];

  const bind = (pipeline: GPUComputePipeline, buffers: Readonly<Record<number, GPUBuffer>>): GPUBindGroup =>
    device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: Object.entries(buffers).map(([binding, buffer]) => ({ binding: Number(binding), resource: { buffer } })),
    });
  /** Returns what it takes until the work is submitted. */
  const encode = (
    { buffer }: Memory,
    encoder: GPUCommandEncoder,
    image: RgbaImage,
    index: number,
    out: GPUBuffer,
  ): readonly GPUBuffer[] => {
    const label = `${name}/preprocess`;
    const source = buffer(label, image.data.length, usage.storage | usage.copyDst);
    const rows = buffer(label, image.height * width * bytesPerElement, usage.storage);
    const given = buffer(label, 16, usage.uniform | usage.copyDst);
    device.queue.writeBuffer(source, 0, image.data as Uint8Array<ArrayBuffer>);
    device.queue.writeBuffer(given, 0, Uint32Array.of(image.width, image.height, index, 0));
    const pass = encoder.beginComputePass({ label });
    pass.setPipeline(across);
    pass.setBindGroup(0, bind(across, { 0: source, 1: rows, 3: given }));
    pass.dispatchWorkgroups(Math.ceil(width / 64), image.height);
    pass.setPipeline(down);
    pass.setBindGroup(0, bind(down, { 1: rows, 2: out, 3: given }));
    pass.dispatchWorkgroups(Math.ceil(width / 8), Math.ceil(height / 8));
    pass.end();
    return [source, rows, given];
  };

  return async images => {
    const all = [images].flat() as readonly RgbaImage[];
    check(all.length > 0, "input", "there is no image to preprocess");
    for (const image of all) checkImage(device, image, width);
    const owned = memory(device);
    const submit = (): GPUBuffer => {
      const size = all.length * channels * width * height * bytesPerElement;
      const out = owned.buffer(`${name}/pixel_values`, size, usage.storage | usage.copySrc);
      const encoder = device.createCommandEncoder();
      const used = all.flatMap((image, n) => encode(owned, encoder, image, n, out));
      device.queue.submit([encoder.finish()]);
      used.forEach(owned.free); // once the work that was submitted is done with it
      return out;
    };
    try {
      return await state.guard(async () => {
        const { result, report } = owned.scoped(what, submit);
        await report;
        return result;
      });
    } catch (cause) {
      owned.freeAll();
      throw cause;
    }
  };
}

function checkImage({ limits }: GPUDevice, image: RgbaImage, columns: number): void {
  const isBytes = image?.data instanceof Uint8Array || image?.data instanceof Uint8ClampedArray;
  const hint = "a canvas's context gives one by getImageData";
  check(isBytes, "input", `an image is an ImageData, or { width, height, data } with bytes of RGBA: ${hint}`);
  const { width, height, data } = image;
  const whole = Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0;
  const size = `${width}x${height} pixels`;
  check(whole && data.length === 4 * width * height, "input", `an image of ${size} has ${data.length} bytes of RGBA`);
  const [short, long] = width < height ? [width, height] : [height, width];
  // The middle of the longer side is counted in half pixels of both sizes, in 32 bits.
  const counted = (long * long) / short < 2 ** 23;
  const bytes = 4 * height * Math.max(width, columns);
  const fits = bytes <= limits.maxStorageBufferBindingSize && height <= limits.maxComputeWorkgroupsPerDimension;
  check(counted && fits, "input", `an image of ${size} is too large, or too long, to be preprocessed on this device`);
}
