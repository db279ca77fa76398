import type { Result } from "../../diagnostics/diagnostic.ts";

/** What `work` makes of something open, and from then on closes itself; where it makes nothing, that is closed here. */
export async function orClosed<T>(close: () => Promise<void>, work: () => Promise<Result<T>>): Promise<Result<T>> {
  let isTaken = false;
  try {
    const made = await work();
    isTaken = made.ok;
    return made;
  } finally {
    if (!isTaken) await close();
  }
}
