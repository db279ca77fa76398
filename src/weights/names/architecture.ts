import { published } from "../../embedded/published.ts";
import type { Param } from "../tensor.ts";

/** What tells one ConvNeXt from another. */
export interface Architecture {
  readonly depths: readonly number[];
  readonly dims: readonly number[];
}

/** timm's `small`, which has no published V2 weights. */
export const small = { name: "small", depths: [3, 3, 27, 3], dims: [96, 192, 384, 768] };

/** timm's smallest, of V1 alone. */
export const zepto = { name: "zepto", depths: [2, 2, 4, 2], dims: [32, 64, 128, 256] };

/** The sizes there are checkpoints for, and timm's. */
const known: readonly (Architecture & { readonly name: string })[] = [...published, small, zepto];

export const sameArchitecture = (a: Architecture, b: Architecture): boolean =>
  a.depths.join() === b.depths.join() && a.dims.join() === b.dims.join();

export const printArchitecture = ({ depths, dims }: Architecture): string =>
  `depths [${depths.join(", ")}], dims [${dims.join(", ")}]`;

/** The published size with these depths and dims, or null. */
export const publishedName = (found: Architecture): string | null =>
  known.find(variant => sameArchitecture(variant, found))?.name ?? null;

/** Sizes whose linear layers timm has as 1×1 convolutions. */
const convMlp: ReadonlySet<string | null> = new Set(["zepto", "atto", "femto", "pico", "nano"]);

/** Networks with the norm first have such layers too, whatever their size. */
export const makesConvMlp = (found: Architecture, names: Iterable<string>): boolean =>
  convMlp.has(publishedName(found)) || [...names].includes("norm_pre.weight");

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
