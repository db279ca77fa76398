import { readFileSync } from "node:fs";
import { packageFile } from "../../process/packages.ts";
import type { Rgba } from "./format.ts";

/** A package's WebAssembly, which it would fetch as a page does. */
export function binaryOf(name: string, file: string): Uint8Array {
  const found = packageFile(name, file);
  if (found === null) throw new Error(`${name} has no decoder`);
  return readFileSync(found);
}

/** Pixels up to which the memory of a decoder is worth keeping: it never shrinks. */
const mostKept = 4e6;

type Size = Omit<Rgba, "data">;

/**
 * Keeps what a package has started for the next picture, and starts it anew after one that was large, or that it gave up on
 * in whatever state.
 */
export function keptInstance<C>(start: (codec: C) => Promise<unknown>) {
  let started: Promise<unknown> | null = null;
  return async <T extends Size>(codec: C, decode: () => Promise<T>): Promise<T> => {
    started ??= start(codec);
    await started;
    let done: T | null = null;
    try {
      done = await decode();
      return done;
    } finally {
      if (done === null || done.width * done.height > mostKept) started = null;
    }
  };
}
