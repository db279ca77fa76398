import type { Schedule } from "./schedule.ts";

/** From kernels in order to kernels in order: what a target makes of them before they have sizes and places. */
export interface SchedulePass {
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  readonly run: (schedule: Schedule) => Schedule;
}

export interface SchedulePassObserver {
  readonly schedulePass?: (pass: SchedulePass, before: Schedule, after: Schedule) => void;
}

export const runSchedulePasses = (
  schedule: Schedule,
  passes: readonly SchedulePass[],
  observer: SchedulePassObserver,
): Schedule =>
  passes.reduce((before, pass) => {
    const after = pass.run(before);
    observer.schedulePass?.(pass, before, after);
    return after;
  }, schedule);
