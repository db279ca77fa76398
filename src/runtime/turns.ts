/** Does one thing at a time, in the order in which they were asked for, whatever comes of each. */
export type Turns = <T>(work: () => Promise<T>) => Promise<T>;

export function turns(): Turns {
  let turn: Promise<unknown> = Promise.resolve();
  return work => {
    const done = turn.then(work);
    turn = done.catch(() => {});
    return done;
  };
}
