/** How fast images go by, in three digits or more. */
export const pace = (imagesPerSecond: number): string =>
  `${imagesPerSecond < 100 ? imagesPerSecond.toPrecision(3) : Math.round(imagesPerSecond)} images/s`;

/** `1:23`, hours and minutes, rounded up; less than a minute in seconds. */
export function hoursText(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  const minutes = Math.ceil(seconds / 60);
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}`;
}

/** Says yes once in so many milliseconds, the first time after as many; `now` is in milliseconds too. */
export function onceIn(milliseconds: number, now: () => number = () => performance.now()): () => boolean {
  let next = now() + milliseconds;
  return () => {
    const due = now() >= next;
    if (due) next = now() + milliseconds;
    return due;
  };
}
