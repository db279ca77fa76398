import type { Param } from "./tensor.ts";

/** What tells one ConvNeXt from another. */
export interface Architecture {
  readonly depths: readonly number[];
  readonly dims: readonly number[];
}

/** The sizes there are checkpoints for; `small` is timm's. `convMlp`: in timm their linear layers are 1×1 convolutions. */
const published: readonly (Architecture & { readonly name: string; readonly convMlp: boolean })[] = [
  { name: "atto", depths: [2, 2, 6, 2], dims: [40, 80, 160, 320], convMlp: true },
  { name: "femto", depths: [2, 2, 6, 2], dims: [48, 96, 192, 384], convMlp: true },
  { name: "pico", depths: [2, 2, 6, 2], dims: [64, 128, 256, 512], convMlp: true },
  { name: "nano", depths: [2, 2, 8, 2], dims: [80, 160, 320, 640], convMlp: true },
  { name: "tiny", depths: [3, 3, 9, 3], dims: [96, 192, 384, 768], convMlp: false },
  { name: "small", depths: [3, 3, 27, 3], dims: [96, 192, 384, 768], convMlp: false },
  { name: "base", depths: [3, 3, 27, 3], dims: [128, 256, 512, 1024], convMlp: false },
  { name: "large", depths: [3, 3, 27, 3], dims: [192, 384, 768, 1536], convMlp: false },
  { name: "huge", depths: [3, 3, 27, 3], dims: [352, 704, 1408, 2816], convMlp: false },
];

export const sameArchitecture = (a: Architecture, b: Architecture): boolean =>
  a.depths.join() === b.depths.join() && a.dims.join() === b.dims.join();

export const printArchitecture = ({ depths, dims }: Architecture): string =>
  `depths [${depths.join(", ")}], dims [${dims.join(", ")}]`;

/** The published size with these depths and dims, or null. */
export const publishedName = (found: Architecture): string | null =>
  published.find(variant => sameArchitecture(variant, found))?.name ?? null;

/** Whether timm has the linear layers of this size as 1×1 convolutions. */
export const makesConvMlp = (found: Architecture): boolean =>
  published.find(variant => sameArchitecture(variant, found))?.convMlp ?? false;

/** Depths and dims, read off the depthwise kernels under their official names; null where a block lacks its kernel. */
export function architectureOf(tensors: Iterable<Param>): Architecture | null {
  const dims: number[] = [];
  const blocks: Set<number>[] = [];
  for (const { name, shape } of tensors) {
    const found = /^stages\.(\d+)\.(\d+)\.dwconv\.weight$/.exec(name);
    if (found === null) continue;
    const stage = Number(found[1]);
    dims[stage] = shape[0] ?? 0;
    blocks[stage] ??= new Set();
    blocks[stage].add(Number(found[2]));
  }
  const depths = Array.from(blocks, stage => stage?.size ?? 0);
  const whole = blocks.length > 0 && depths.every((depth, i) => depth > 0 && blocks[i]?.has(depth - 1));
  return whole ? { depths, dims } : null;
}

/** What tells one decoder of a masked autoencoder from another. */
export interface Decoder {
  readonly depth: number;
  readonly dim: number;
}

export const sameDecoder = (a: Decoder, b: Decoder): boolean => a.depth === b.depth && a.dim === b.dim;

/** As a spec has it between the braces of `decoder`. */
export const printDecoder = ({ depth, dim }: Decoder): string => `depth ${depth}, dim ${dim}`;

/** Depth and dim, read off the depthwise kernels under their official names; null where there are none. */
export function decoderOf(tensors: Iterable<Param>): Decoder | null {
  const kernels = [...tensors].filter(({ name }) => /^decoder\.\d+\.dwconv\.weight$/.test(name));
  return kernels.length === 0 ? null : { depth: kernels.length, dim: kernels[0]?.shape[0] ?? 0 };
}
