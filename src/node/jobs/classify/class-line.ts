import { liveLine } from "../../process/live-line.ts";
import { hoursText, onceIn, pace } from "../../process/pace.ts";

/** Milliseconds between lines in a pipe, where each stays. */
const interval = 10_000;

/** How far a run over so many images is: one line in a terminal, one in ten seconds in a pipe. */
export function classLine(count: number) {
  const start = performance.now();
  const line = liveLine(onceIn(interval));
  return {
    show(done: number): void {
      const text = progressOf(done, count, (performance.now() - start) / 1000);
      line.show(text, text);
    },
    end: line.end,
  };
}

/** `1600 of 50000 images  3.2%  152 images/s  0:06 left`, after so many seconds. */
export function progressOf(done: number, count: number, seconds: number): string {
  const percent = ((100 * done) / count).toFixed(1);
  const left = hoursText((seconds / done) * (count - done));
  return `${done} of ${count} images  ${percent}%  ${pace(done / seconds)}  ${left} left`;
}
