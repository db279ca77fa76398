import { check } from "./errors.ts";
import { bytesPerElement, type Memory, memory, usage } from "./gpu.ts";
import { compileKernels } from "./kernels.ts";
import { type Banding, bandCopier, bandsOf } from "./pictures/bands.ts";
import type { PreprocessDescriptor } from "./pictures/descriptor.ts";
import { type OpenPicture, openPicture } from "./pictures/open.ts";
import type { Picture } from "./pictures/sources.ts";
import { watch } from "./state.ts";

/**
 * Images of any sizes to `pixel_values` [N, C, H, W] for `run` or `encode`: submitted when it returns, in the order of
 * the device's queue. The buffer (usage STORAGE and COPY_SRC) is the caller's, to destroy too. Throws InputError for an
 * image that is none or too large for the device, OutOfMemoryError and DeviceLostError, and then has freed everything.
 */
export type Preprocessor = (images: Picture | readonly Picture[]) => Promise<GPUBuffer>;

/** Compiles the kernels. Throws ShaderError or DeviceLostError. A page that never calls this does not load it. */
export async function createPreprocessor(device: GPUDevice, descriptor: PreprocessDescriptor): Promise<Preprocessor> {
  check(typeof device?.createBuffer === "function", "input", "createPreprocessor takes a GPUDevice");
  const { name, width, height, channels = 3, code } = descriptor;
  const what = `the preprocessing of ${name}`;
  const label = `${name}/preprocess`;
  const state = watch(device, what);
  const sources = ["across", "down"].map(entryPoint => ({ label, name: "preprocess", code, entryPoint }));
  const pipelines = await state.guard(() => compileKernels(memory(device), what, sources));
  const [across, down] = pipelines as [GPUComputePipeline, GPUComputePipeline];

  const dispatch = (
    encoder: GPUCommandEncoder,
    pipeline: GPUComputePipeline,
    buffers: Readonly<Record<number, GPUBuffer>>,
    groups: readonly [x: number, y: number],
  ): void => {
    const layout = pipeline.getBindGroupLayout(0);
    const entries = Object.entries(buffers).map(([binding, buffer]) => ({
      binding: Number(binding),
      resource: { buffer },
    }));
    const pass = encoder.beginComputePass({ label });
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, device.createBindGroup({ label, layout, entries }));
    pass.dispatchWorkgroups(...groups);
    pass.end();
  };

  /** One image: band by band through the same memory, so that it may be larger than any buffer. */
  const submit = (owned: Memory, image: OpenPicture, banding: Banding, index: number, out: GPUBuffer): void => {
    const { stride, bands } = banding;
    const most = bands[0]?.count ?? 0;
    const band = owned.buffer(label, bytesPerElement * stride * most, usage.storage | usage.copyDst);
    const rows = owned.buffer(label, bytesPerElement * image.height * width, usage.storage);
    const given = owned.buffer(label, 24, usage.uniform | usage.copyDst);
    const copier = bandCopier(owned, image, banding);
    try {
      for (const { first, count } of bands) {
        const encoder = device.createCommandEncoder({ label });
        device.queue.writeBuffer(given, 0, Uint32Array.of(image.width, image.height, index, stride, first, count));
        copier.copy({ first, count }, band);
        dispatch(encoder, across, { 0: band, 1: rows, 3: given }, [Math.ceil(width / 64), count]);
        if (first + count === image.height)
          dispatch(encoder, down, { 1: rows, 2: out, 3: given }, [Math.ceil(width / 8), Math.ceil(height / 8)]);
        device.queue.submit([encoder.finish()]);
      }
    } finally {
      // Work that was submitted is done with it first.
      copier.free();
    }
    for (const buffer of [band, rows, given]) owned.free(buffer);
  };

  const fitAll = async (images: readonly OpenPicture[]): Promise<GPUBuffer> => {
    const bandings = images.map(image => {
      checkSize(image, device.limits, width);
      return bandsOf(image, device.limits);
    });
    const owned = memory(device);
    try {
      return await state.guard(async () => {
        const { result, report } = owned.scoped(what, () => {
          const size = images.length * channels * width * height * bytesPerElement;
          const out = owned.buffer(`${name}/pixel_values`, size, usage.storage | usage.copySrc);
          images.forEach((image, n) => {
            submit(owned, image, bandings[n] as Banding, n, out);
          });
          return out;
        });
        await report;
        return result;
      });
    } catch (cause) {
      owned.freeAll();
      throw cause;
    }
  };

  return async images => {
    const all = [images].flat() as readonly Picture[];
    check(all.length > 0, "input", "there is no image to preprocess");
    state.alive();
    const opening = await Promise.allSettled(all.map(openPicture));
    const open = opening.flatMap(each => (each.status === "fulfilled" ? [each.value] : []));
    try {
      for (const each of opening) if (each.status === "rejected") throw each.reason;
      return await fitAll(open);
    } finally {
      for (const { close } of open) close();
    }
  };
}

/** Throws InputError where numbers of 32 bits, or buffers of this device, do not reach. */
function checkSize({ width, height, what }: OpenPicture, limits: GPUSupportedLimits, columns: number): void {
  const [short, long] = width < height ? [width, height] : [height, width];
  // The middle of the longer side is counted in half pixels of both sizes.
  const counted = (long * long) / short < 2 ** 23;
  const fits = bytesPerElement * height * columns <= limits.maxStorageBufferBindingSize;
  const size = `${what} of ${width}x${height} pixels`;
  check(counted && fits, "input", `${size} is too large, or too long, to be preprocessed on this device`);
}
