export interface OutputFile {
  /** Relative to the output directory, with `/` between folders. */
  readonly path: string;
  readonly contents: string | Uint8Array | AsyncIterable<Uint8Array>;
}
