import type { FilePlace, Result } from "../../diagnostics/diagnostic.ts";

/**
 * Bytes that can be read in pieces: the published huge model is a file of 2.6 GB, so nobody may ask for all of it.
 * `read` resolves to exactly `length` bytes from `offset`; a source that cannot deliver them rejects, and whoever made
 * the source says why (a file that shrank, a server without ranges). Readers here never ask beyond `size`.
 */
export interface ByteSource {
  /** As the user typed it; every diagnostic about the file names it so. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  read(offset: number, length: number): Promise<Uint8Array>;
  /**
   * Opens a file in the same folder or below it, whose path has `/` between its parts and no `..`; `from` is where that
   * path is written. It is closed with this one. Left out where there are no files beside this one.
   */
  beside?(path: string, from: FilePlace): Promise<Result<ByteSource>>;
}

/** A source over bytes already in memory. What `read` gives is a view, not a copy. */
export const memorySource = (name: string, bytes: Uint8Array): ByteSource => ({
  name,
  size: bytes.length,
  read: async (offset, length) => bytes.subarray(offset, offset + length),
});
