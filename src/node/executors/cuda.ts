import { ok } from "../../diagnostics/diagnostic.ts";
import { progress } from "../process/progress.ts";
import { buildLibrary, runLibrary } from "./cuda-library.ts";
import type { Prepare } from "./executor.ts";
import type { Wanted } from "./executors.ts";
import type { CudaMachine } from "./toolchain.ts";

/** Our CUDA library on a GPU, or its threads as fibers of a CPU. */
export const cuda =
  (machine: CudaMachine, storage: Pick<Wanted, "dtype" | "tf32">): Prepare =>
  async (setup, use) => {
    const library = await buildLibrary(machine, setup, storage, progress);
    if (!library.ok) return library;
    return use(async inputs => {
      const run = await runLibrary(library.value, { ...setup, inputs });
      if (!run.ok) return run;
      const on = machine === "cpu" ? "CUDA kernels on the CPU" : "CUDA";
      const { outputs, milliseconds } = run.value;
      return ok({ outputs, on, milliseconds });
    });
  };
