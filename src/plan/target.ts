import type { Batch, Precision } from "../model/model.ts";
import type { Kernel, KernelCall } from "./plan.ts";
import type { SchedulePass } from "./schedule-pass.ts";
import type { TuningProfile } from "./tiles/tuning-profiles.ts";

/** What planning knows of the target that a plan is for: everything but how its text is written. */
export interface Machine {
  readonly precision: Precision;
  /** How tiles are chosen. */
  readonly profile: (batch: Batch) => TuningProfile;
  /** What becomes of the kernels in order before they are placed. */
  readonly schedulePasses: (batch: Batch) => readonly SchedulePass[];
  /** Operands, grid and threads of a call, as the target's own kernel table says. */
  readonly kernel: (call: Pick<KernelCall, "kind" | "params">, batch: Batch) => Kernel;
  /**
   * `buffers`, as WebGPU: weights have one each, scratch memory several, and a step may not read and write the same one.
   * `allocations`, as CUDA: all weights lie in one, all scratch values in another.
   */
  readonly memory: "buffers" | "allocations";
}
