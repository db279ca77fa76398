import { check } from "./errors.ts";
import { bytesPerElement, scoped, usage } from "./gpu.ts";
import { compileKernel } from "./kernels.ts";

/** A model's preprocessing: the WGSL of `compile --preprocess` and the input that it fits images into. */
export interface PreprocessDescriptor {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly code: string;
}

/** RGBA, eight bits a channel, row by row: an `ImageData` is one. */
export interface RgbaImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint8ClampedArray;
}

/**
 * Images of any sizes to `pixel_values` [N, 3, H, W] for `run` or `encode`: submitted when it returns, in the order of
 * the device's queue. The buffer (usage STORAGE and COPY_SRC) is the caller's, to destroy too. Throws InputError for an
 * image that is none or too large for the device, and OutOfMemoryError.
 */
export type Preprocessor = (images: RgbaImage | readonly RgbaImage[]) => Promise<GPUBuffer>;

const uniform = 0x40;

/** Compiles the kernels. Throws ShaderError. A page that never calls this does not load it. */
export async function createPreprocessor(device: GPUDevice, descriptor: PreprocessDescriptor): Promise<Preprocessor> {
  const { name, width, height, code } = descriptor;
  const compile = (entryPoint: string): Promise<GPUComputePipeline> =>
    compileKernel(device, { label: `${name}/preprocess`, name: "preprocess", code, entryPoint });
  const [across, down] = await Promise.all([compile("across"), compile("down")]);

  const bind = (pipeline: GPUComputePipeline, buffers: Readonly<Record<number, GPUBuffer>>): GPUBindGroup =>
    device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: Object.entries(buffers).map(([binding, buffer]) => ({ binding: Number(binding), resource: { buffer } })),
    });
  const encode = (
    encoder: GPUCommandEncoder,
    image: RgbaImage,
    index: number,
    out: GPUBuffer,
  ): readonly GPUBuffer[] => {
    const buffer = (size: number, flags: number): GPUBuffer => device.createBuffer({ size, usage: flags });
    const source = buffer(image.data.length, usage.storage | usage.copyDst);
    const rows = buffer(image.height * width * bytesPerElement, usage.storage);
    const given = buffer(16, uniform | usage.copyDst);
    device.queue.writeBuffer(source, 0, image.data as Uint8Array<ArrayBuffer>);
    device.queue.writeBuffer(given, 0, Uint32Array.of(image.width, image.height, index, 0));
    const pass = encoder.beginComputePass({ label: `${name}/preprocess` });
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
    return scoped(device, `the preprocessing of ${name}`, () => {
      const size = all.length * 3 * width * height * bytesPerElement;
      const out = device.createBuffer({ label: `${name}/pixel_values`, size, usage: usage.storage | usage.copySrc });
      const encoder = device.createCommandEncoder();
      const used = all.flatMap((image, n) => encode(encoder, image, n, out));
      device.queue.submit([encoder.finish()]);
      for (const buffer of used) buffer.destroy(); // once the work that was submitted is done with it
      return out;
    });
  };
}

function checkImage({ limits }: GPUDevice, { width, height, data }: RgbaImage, columns: number): void {
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
