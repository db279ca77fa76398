import { check, ModelError, messageOf } from "../errors.ts";
import { type Aborting, checkSignal } from "../state.ts";
import type { Kept } from "./kept.ts";

/** What is used of an answer to a request; spelt out, since not every consumer's types have the Web's. */
export interface Answer {
  readonly status: number;
  readonly statusText: string;
  readonly redirected: boolean;
  readonly url: string;
  readonly headers: { get(name: string): string | null };
  readonly body: { getReader(): Reader } | null;
  clone(): Answer;
}

interface Reader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

const web = globalThis as unknown as {
  fetch(url: string, init: { readonly signal: unknown }): Promise<Answer>;
  readonly AbortController: new () => { readonly signal: unknown; abort(): void };
  readonly URL: new (url: string, base?: string) => { readonly origin: string };
  readonly location?: { readonly href: string };
};

/** A file that is coming in. */
export interface Download {
  /** Bytes that the server says there are, 0 where it does not say, and no more to be believed than that. */
  readonly length: number;
  /** Fills an array with the bytes that come next. Throws WeightsError, naming `what`, where the file ends before. */
  readonly fill: (bytes: Uint8Array, what: string) => Promise<void>;
  /** Goes on to its end. */
  readonly rest: () => Promise<void>;
  /** Throws WeightsError where there are more bytes. */
  readonly end: () => Promise<void>;
}

export interface DownloadOptions {
  readonly signal?: Aborting | undefined;
  /** Of all bytes so far, in the order they have in the file. */
  readonly received: (bytes: Uint8Array) => void;
  /** Whether the file may come from an origin that the address does not name. */
  readonly anyOrigin: boolean;
  /** Where it may be already, and is put otherwise. */
  readonly kept?: Kept | null;
}

/**
 * Reads a file over HTTP from its first byte to its last, piece by piece. Nothing that the server says of its length is
 * believed: what it sends counts. Throws FetchError where there is no such file, or no way to it, and AbortError; the
 * transfer ends with `work`, whatever comes of that.
 */
export async function download<T>(
  url: string,
  { signal, received, anyOrigin, kept = null }: DownloadOptions,
  work: (file: Download) => Promise<T>,
): Promise<T> {
  const controller = new web.AbortController();
  const abort = (): void => controller.abort();
  checkSignal(signal, url);
  signal?.addEventListener("abort", abort);

  /** What the network says is of no code; and an abort comes out of every call. */
  const told = async <R>(call: Promise<R>, what: string): Promise<R> => {
    try {
      return await call;
    } catch (cause) {
      checkSignal(signal, url);
      throw new ModelError("fetch", `${what}: ${messageOf(cause)}`);
    }
  };

  try {
    const known = kept === null ? null : await kept.find();
    const answer = known ?? (await told(web.fetch(url, { signal: controller.signal }), `${url} cannot be fetched`));
    const { status, statusText, redirected, body } = answer;
    const hint = status === 206 ? ", a part of a file, though all of it was asked for" : "";
    check(status === 200 && body !== null, "fetch", `${url} answers ${status} ${statusText}${hint}`);
    const [wanted, given] = [new web.URL(url, web.location?.href).origin, answer.url && new web.URL(answer.url).origin];
    const remedy = "name that address, or give the sha256 of the file";
    check(anyOrigin || !redirected || given === wanted, "fetch", `${url} leads to ${given}: ${remedy}`);

    // What is cloned has another body than before.
    const putting = known === null ? kept?.put(answer.clone()) : null;
    const reader = (answer.body ?? body).getReader();
    let piece = new Uint8Array();
    let count = 0;
    const next = async (): Promise<boolean> => {
      const { done, value } = await told(reader.read(), `${url} broke off after ${count} bytes`);
      checkSignal(signal, url);
      if (done || value === undefined) return false;
      count += value.length;
      received(value);
      piece = value as Uint8Array<ArrayBuffer>;
      return true;
    };
    const made = await work({
      length: Number(answer.headers.get("content-length") ?? 0),
      rest: async () => {
        while (await next());
      },
      fill: async (bytes, what) => {
        for (let at = 0; at < bytes.length; ) {
          if (piece.length === 0) check(await next(), "weights", `${url} ends after ${count} bytes, within ${what}`);
          const part = piece.subarray(0, bytes.length - at);
          bytes.set(part, at);
          at += part.length;
          piece = piece.subarray(part.length);
        }
      },
      end: async () => {
        while (piece.length === 0) if (!(await next())) return;
        check(false, "weights", `${url} has bytes that belong to no tensor`);
      },
    });
    await putting;
    return made;
  } finally {
    signal?.removeEventListener("abort", abort);
    // Of a transfer that is over, nobody hears this.
    abort();
  }
}
