import { type Diagnostic, ok } from "../../diagnostics/diagnostic.ts";
import { Failure } from "../../diagnostics/failure.ts";
import { progress } from "../process/progress.ts";
import { buildLibrary, runLibrary } from "./cuda-library.ts";
import type { Prepare } from "./executor.ts";
import type { Wanted } from "./executors.ts";
import type { OpenInference } from "./inference.ts";
import type { CudaMachine } from "./toolchain.ts";

/** What an executor of them says that it is. */
export const cudaName: { readonly [K in CudaMachine]: string } = { cpu: "CUDA kernels on the CPU", gpu: "CUDA" };

/** Our CUDA library on a GPU, or its threads as fibers of a CPU. */
export const cuda =
  (machine: CudaMachine, storage: Pick<Wanted, "dtype" | "tf32">): Prepare =>
  async (setup, use) => {
    const library = await buildLibrary(machine, setup, storage, progress);
    if (!library.ok) return library;
    return use(async inputs => {
      const run = await runLibrary(library.value, { ...setup, inputs });
      if (!run.ok) return run;
      const { outputs, milliseconds } = run.value;
      return ok({ outputs, on: cudaName[machine], milliseconds });
    });
  };

/** The same for weights that change: a process for each run, which reads them from a file. */
export const cudaInference =
  (machine: CudaMachine, storage: Pick<Wanted, "dtype" | "tf32">): OpenInference =>
  async ({ model, batch, taps }) => {
    const request = { model, batch, taps, sites: "auto" as const };
    const library = await buildLibrary(machine, request, storage, progress);
    if (!library.ok) return library;
    return ok({
      load: async weights => ({
        async run(inputs) {
          const images = inputs.get("pixel_values")?.shape[0] ?? 1;
          const run = await runLibrary(library.value, {
            batch: images,
            weights: { origin: "what was trained", f32: weights },
            inputs,
          });
          if (!run.ok) throw new Failure(run.diagnostics[0] as Diagnostic);
          return run.value.outputs;
        },
        dispose: () => {},
      }),
      close: async () => {},
    });
  };
