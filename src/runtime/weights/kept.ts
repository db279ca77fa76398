import type { Answer } from "./download.ts";

/** What is used of the Cache API; spelt out, since not every consumer's types have the Web's. */
interface Store {
  match(key: string): Promise<Answer | undefined>;
  put(key: string, answer: Answer): Promise<void>;
  delete(key: string): Promise<boolean>;
  keys(): Promise<readonly { readonly url: string }[]>;
}

const web = globalThis as unknown as {
  readonly caches?: { open(name: string): Promise<Store> };
  readonly URL: new (url: string, base?: string) => { readonly href: string; readonly searchParams: Params };
  readonly location?: { readonly href: string };
};

interface Params {
  set(name: string, value: string): void;
  delete(name: string): void;
}

/** Where one file is kept from one visit to the next. */
export interface Kept {
  /** Its bytes as an answer of the server, or null where it is not there. */
  readonly find: () => Promise<Answer | null>;
  /** Takes all that comes of an answer. */
  readonly put: (answer: Answer) => Promise<void>;
  /** It is right: other contents of the same address go. */
  readonly keep: () => Promise<void>;
  readonly forget: () => Promise<void>;
}

/** Name of what tells contents of one address apart; nobody asks a server for it. */
const mark = "sha256";

/**
 * A file in the browser's cache of that name, by its address and its hash, so that one of other contents is never found.
 * Null where there is none: outside of a secure context, or where the browser allows none. What cannot be kept, as
 * where there is no room, is no error.
 */
export async function keptIn(cache: string, url: string, sha256: string): Promise<Kept | null> {
  const store = await opened(cache);
  if (!store) return null;
  const at = new web.URL(url, web.location?.href);
  at.searchParams.set(mark, sha256.toLowerCase());
  const key = at.href;
  return {
    find: async () => (await store.match(key).catch(() => undefined)) ?? null,
    put: answer => store.put(key, answer).catch(() => {}),
    keep: () => removeOthers(store, key).catch(() => {}),
    forget: async () => void (await store.delete(key).catch(() => {})),
  };
}

/** In a frame that is sandboxed even to ask for `caches` throws. */
async function opened(cache: string): Promise<Store | undefined> {
  try {
    return await web.caches?.open(cache);
  } catch {
    return undefined;
  }
}

async function removeOthers(store: Store, key: string): Promise<void> {
  for (const { url } of await store.keys()) if (url !== key && unmarked(url) === unmarked(key)) await store.delete(url);
}

function unmarked(url: string): string {
  const plain = new web.URL(url);
  plain.searchParams.delete(mark);
  return plain.href;
}
