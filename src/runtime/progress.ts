/** How far something is that takes a while: part of a whole, which is never 0. */
export interface Progress {
  readonly loaded: number;
  readonly total: number;
}

export type OnProgress = ((progress: Progress) => void) | undefined;

/** What the creation of a model is made of. */
interface Whole {
  /** Of weights on the GPU. */
  readonly bytes: number;
  /** Whether the weights have to be fetched. */
  readonly fetches: boolean;
}

/** Tells of kernels that are compiled, of weights that are fetched, where they are, and of those on the GPU as of equal parts of one whole. */
export function creationProgress(onProgress: OnProgress, { bytes, fetches }: Whole) {
  const parts = { compiled: 0, fetched: 0, uploaded: 0 };
  const total = bytes * (fetches ? 3 : 2);
  const tell = (): void => {
    const { compiled, fetched, uploaded } = parts;
    const loaded = Math.round(bytes * (compiled + fetched) + uploaded);
    // From the first event on there is something to be seen.
    onProgress?.({ loaded: Math.max(1, loaded), total });
  };
  return {
    begun: tell,
    /** One of so many kernels. */
    compiled: (kernels: number): void => {
      parts.compiled += 1 / kernels;
      tell();
    },
    fetched: ({ loaded, total: all }: Progress): void => {
      parts.fetched = loaded / all;
      tell();
    },
    uploaded: (size: number): void => {
      parts.uploaded += size;
      tell();
    },
  };
}
