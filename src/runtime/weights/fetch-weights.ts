import { check, ModelError } from "../errors.ts";
import { elements } from "../gpu.ts";
import type { OnProgress } from "../progress.ts";
import type { Aborting } from "../state.ts";
import { download } from "./download.ts";
import { type DType, dtypes, isDType } from "./dtypes.ts";
import { keptIn } from "./kept.ts";
import { sha256 as newHash } from "./sha256.ts";

export interface FetchOptions {
  /** Of the whole file, in hex, as `cnxc weights inspect` prints it: nothing is given out of another file. */
  readonly sha256?: string | undefined;
  /** Name of a cache of the browser's (Cache API) in which the file is kept from one visit to the next; with `sha256`. */
  readonly cache?: string | undefined;
  /** Bytes so far, from when it is known how many there are in all: once the header is there. */
  readonly onProgress?: OnProgress;
  readonly signal?: Aborting | undefined;
}

/** Tensors by name, and how long each is. */
export interface FetchedWeights {
  (name: string): Float32Array<ArrayBuffer>;
  readonly lengths: ReadonlyMap<string, number>;
}

interface Entry {
  readonly name: string;
  readonly dtype: DType;
  readonly bytes: number;
}

const maxHeader = 100_000_000;

/**
 * Weights for `createModel` from a safetensors file in the official names, F32, F16 or BF16, as `cnxc compile --weights`
 * writes it. The file is read once, in order, each tensor into memory of its own, as it lies in the file, so that may be larger
 * than any one array; f32 is made of a tensor each time it is asked for.
 * Throws InputError, FetchError, AbortError, WeightsError where it is another or a broken file, or OutOfMemoryError.
 */
export const fetchWeights = (url: string, options: FetchOptions = {}): Promise<FetchedWeights> =>
  fetchFitting(url, options, () => {});

/** The same, for who can tell by names and numbers of values that the file is another one: before its data have come. */
export async function fetchFitting(
  url: string,
  { sha256, cache, onProgress, signal }: FetchOptions,
  fits: (lengths: ReadonlyMap<string, number>) => void,
): Promise<FetchedWeights> {
  const remedy = "weights.js beside the model says it, and cnxc weights inspect";
  const known = cache === undefined || sha256 !== undefined;
  check(known, "input", `a cache keeps ${url} by its sha256, which is not given: ${remedy}`);
  const hash = sha256 === undefined ? null : newHash();
  const kept = cache === undefined ? null : await keptIn(cache, url, sha256 as string);
  const tensors = new Map<string, () => Float32Array<ArrayBuffer>>();
  const lengths = new Map<string, number>();
  let [loaded, total] = [0, 0];
  const tell = (): void => {
    if (total > 0) onProgress?.({ loaded: Math.min(loaded, total), total });
  };
  const received = (bytes: Uint8Array): void => {
    hash?.update(bytes);
    loaded += bytes.length;
    tell();
  };
  try {
    await download(url, { signal, received, anyOrigin: hash !== null, kept }, async file => {
      const start = new Uint8Array(8);
      await file.fill(start, "its first 8 bytes");
      const length = Number(new DataView(start.buffer).getBigUint64(0, true));
      const shown = JSON.stringify(String.fromCharCode(...start));
      check(length >= 2 && length <= maxHeader, "weights", `${url} is no safetensors file, it begins with ${shown}`);
      const header = new Uint8Array(length);
      await file.fill(header, "its header");
      const entries = entriesIn(header, url);
      total = entries.reduce((sum, { bytes }) => sum + bytes, 8 + length);
      // A small file has come with its header, all of it.
      tell();
      for (const { name, dtype, bytes } of entries) lengths.set(name, bytes / dtypes[dtype].width);
      fits(lengths);
      for (const { name, dtype, bytes } of entries) {
        const values = allocate(name, bytes);
        await file.fill(new Uint8Array(values), `'${name}'`);
        tensors.set(name, () => dtypes[dtype].toF32(values));
      }
      await file.end();
    });
    const found = hash?.digest();
    check(found === sha256?.toLowerCase(), "weights", `${url} has the SHA-256 ${found}, not ${sha256}`);
  } catch (cause) {
    if ((cause as Partial<ModelError>).code === "weights") await kept?.forget();
    throw cause;
  }
  await kept?.keep();
  const valuesOf = (name: string): Float32Array<ArrayBuffer> => {
    const values = tensors.get(name);
    check(values, "weights", `${url} has no '${name}'`);
    return values();
  };
  return Object.assign(valuesOf, { lengths });
}

/** Little-endian, as every machine is that has WebGPU. */
function allocate(name: string, bytes: number): ArrayBuffer {
  try {
    return new ArrayBuffer(bytes);
  } catch {
    throw new ModelError("out-of-memory", `there is no memory for the ${bytes} bytes of '${name}'`);
  }
}

/** The tensors in the order of their data, which they fill without a gap. */
function entriesIn(header: Uint8Array, url: string): readonly Entry[] {
  const rows = Object.entries(parsed(header, url)).filter(([name]) => name !== "__metadata__");
  const broken = (name: string): string => `${url} has a broken header: '${name}' does not lie where it should`;
  const entries = rows.map(([name, value]) => {
    const { dtype, shape, data_offsets: offsets } = Object(value) as Record<string, unknown>;
    const known = Object.keys(dtypes).join(", ");
    check(
      isDType(dtype),
      "weights",
      `'${name}' of ${url} is ${dtype}, not one of ${known}: see cnxc weights convert --dtype`,
    );
    check(isSizes(shape) && isSizes(offsets), "weights", broken(name));
    const [begin = 0, end = 0] = offsets;
    const bytes = elements(shape) * dtypes[dtype].width;
    check(end - begin === bytes, "weights", broken(name));
    return { name, dtype, begin, bytes };
  });
  entries.sort((a, b) => a.begin - b.begin || a.bytes - b.bytes);
  let at = 0;
  for (const { name, begin, bytes } of entries) {
    check(begin === at, "weights", broken(name));
    at += bytes;
  }
  return entries;
}

const isSizes = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every(size => Number.isSafeInteger(size) && size >= 0);

function parsed(header: Uint8Array, url: string): object {
  try {
    return Object(JSON.parse(new decoding.TextDecoder("utf-8", { fatal: true }).decode(header)));
  } catch {
    throw new ModelError("weights", `${url} has a broken header: it is no JSON`);
  }
}

const decoding = globalThis as unknown as {
  readonly TextDecoder: new (
    label: string,
    options: { readonly fatal: boolean },
  ) => { decode(bytes: Uint8Array): string };
};
