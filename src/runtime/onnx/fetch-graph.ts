import type { OnProgress } from "../progress.ts";
import type { Aborting } from "../state.ts";
import { download } from "../weights/download.ts";

interface Fetching {
  readonly onProgress?: OnProgress;
  readonly signal?: Aborting | undefined;
}

/**
 * A file as it comes, and how much of it: what the server says of its length is a guess, corrected by what comes, and the
 * last part of the whole is what is done with it afterwards. Throws FetchError or AbortError.
 */
export async function fetchGraph(
  url: string,
  { onProgress, signal }: Fetching,
): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly done: () => void }> {
  const pieces: Uint8Array[] = [];
  let [loaded, total] = [0, 1];
  const received = (piece: Uint8Array): void => {
    pieces.push(piece);
    loaded += piece.length;
    total = Math.max(total, loaded + 1);
    onProgress?.({ loaded, total });
  };
  await download(url, { signal, received, anyOrigin: false }, async file => {
    total = file.length + 1;
    await file.rest();
  });
  const bytes = new Uint8Array(loaded);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return { bytes, done: () => onProgress?.({ loaded: total, total }) };
}
