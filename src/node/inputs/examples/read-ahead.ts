/** How many are read before they are asked for. */
const ahead = 2;

/**
 * What `read` gives of each number below `end`, begun before it is asked for: those after a number that was asked for come
 * next. Of what was read and is not next, nothing is kept.
 */
export function readAhead<T>(read: (at: number) => Promise<T>, end: number): (at: number) => Promise<T> {
  const begun = new Map<number, Promise<T>>();
  return at => {
    for (const known of begun.keys()) if (known < at || known > at + ahead) begun.delete(known);
    for (let next = at; next <= Math.min(at + ahead, Math.max(at, end - 1)); next++) {
      if (begun.has(next)) continue;
      const promise = read(next);
      promise.catch(() => {}); // who asks for it is told
      begun.set(next, promise);
    }
    return begun.get(at) as Promise<T>;
  };
}
