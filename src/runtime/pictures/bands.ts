import { check, ModelError, messageOf } from "../errors.ts";
import { bytesPerElement, type Memory, textureUsage } from "../gpu.ts";
import type { OpenPicture } from "./open.ts";

/** Some rows of a picture. */
export interface Band {
  readonly first: number;
  readonly count: number;
}

/** How pixels come to a kernel: so many of a row, and the rows of one band at a time. */
export interface Banding {
  /** Pixels from one row to the next. */
  readonly stride: number;
  readonly bands: readonly Band[];
}

/** Bytes of a band: more of a picture need not be on the GPU at once. */
const bandBytes = 2 ** 25;
/** What rows are aligned to where a texture is copied to a buffer, in pixels. */
const aligned = 64;

/** Throws InputError where the device cannot hold one row. */
export function bandsOf({ width, height, source, what }: OpenPicture, limits: GPUSupportedLimits): Banding {
  const stride = source === null ? width : Math.ceil(width / aligned) * aligned;
  const { maxStorageBufferBindingSize, maxComputeWorkgroupsPerDimension, maxTextureDimension2D } = limits;
  const rows = Math.floor(Math.min(bandBytes, maxStorageBufferBindingSize) / (bytesPerElement * stride));
  check(rows > 0, "input", `${what} is too wide for this device: ${width} pixels`);
  const most = Math.min(rows, maxComputeWorkgroupsPerDimension, maxTextureDimension2D);
  const bands: Band[] = [];
  for (let first = 0; first < height; first += most) bands.push({ first, count: Math.min(most, height - first) });
  return { stride, bands };
}

/** What copies bands of a picture into a buffer: on the device's queue, before whatever is submitted next. */
export interface BandCopier {
  readonly copy: (band: Band, to: GPUBuffer) => void;
  readonly free: () => void;
}

export function bandCopier({ device }: Memory, picture: OpenPicture, { stride, bands }: Banding): BandCopier {
  const { width, pixels, source, what } = picture;
  const { queue } = device;
  if (pixels !== null) {
    const bytes = pixels as Uint8Array<ArrayBuffer>;
    const row = bytesPerElement * width;
    return {
      copy: ({ first, count }, to) => queue.writeBuffer(to, 0, bytes, first * row, count * row),
      free: () => {},
    };
  }
  const columns = Math.min(width, device.limits.maxTextureDimension2D);
  const texture = device.createTexture({
    label: what,
    size: [columns, bands[0]?.count ?? 1],
    format: "rgba8unorm",
    usage: textureUsage.copySrc | textureUsage.copyDst | textureUsage.renderAttachment,
  });
  const draw = (x: number, y: number, size: readonly [number, number]): void => {
    try {
      const from = { source: source as unknown as GPUCopyExternalImageSource, origin: [x, y] };
      queue.copyExternalImageToTexture(from, { texture, premultipliedAlpha: false }, size);
    } catch (cause) {
      throw new ModelError("input", `no pixels can be had of ${what}: ${messageOf(cause)}`);
    }
  };
  return {
    copy: ({ first, count }, to) => {
      for (let x = 0; x < width; x += columns) {
        const size = [Math.min(columns, width - x), count] as const;
        draw(x, first, size);
        const encoder = device.createCommandEncoder({ label: what });
        const layout = { buffer: to, offset: bytesPerElement * x, bytesPerRow: bytesPerElement * stride };
        encoder.copyTextureToBuffer({ texture }, layout, size);
        queue.submit([encoder.finish()]);
      }
    },
    free: () => texture.destroy(),
  };
}
