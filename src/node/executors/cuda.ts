import { rmSync } from "node:fs";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import { lower, type Unit } from "../../compile.ts";
import { fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import { cudaTarget } from "../../emit/cuda/cuda.ts";
import type { Plan } from "../../plan/plan.ts";
import { elements } from "../../weights/tensor.ts";
import { onInterrupt } from "../interrupt.ts";
import { buildCuda, type CudaMachine, runTool } from "../toolchain.ts";
import { version } from "../version.ts";
import type { Executor, RunReport, RunRequest, RunTensor } from "./executor.ts";
import type { Wanted } from "./executors.ts";

type CudaStorage = Pick<Wanted, "dtype" | "tf32">;

/** Our CUDA library, built from its generated sources, in a process of its own; tensors go through files. */
export const cuda =
  (machine: CudaMachine, storage: CudaStorage): Executor =>
  async request => {
    const unit = compiled(request, storage);
    if (!unit.ok) return unit;
    const built = await buildCuda(machine, unit.value.files, line => {
      if (process.stderr.isTTY) process.stderr.write(`cnxc: ${line}\n`);
    });
    if (!built.ok) return built;
    const folder = await mkdtemp(path.join(os.tmpdir(), "cnxc-cuda-"));
    const done = onInterrupt(() => rmSync(folder, { recursive: true, force: true }));
    try {
      return await runIn(folder, built.value, unit.value.plan as Plan, request, machine);
    } finally {
      done();
      await rm(folder, { recursive: true, force: true });
    }
  };

function compiled({ model, batch, taps, sites }: RunRequest, { dtype, tf32 }: CudaStorage): Result<Unit> {
  const context = { weights: null, specHash: "", specName: "", version, onnx: { opset: 20, layout: "plain" } } as const;
  const target = cudaTarget(dtype, { tf32 });
  return lower({ model, target, batch: { min: batch, max: batch }, taps, sites, context });
}

/** What the program's exit code means; see the runner's template. */
const noDevice = 5;

async function runIn(
  folder: string,
  program: string,
  plan: Plan,
  { batch, weights, inputs }: RunRequest,
  machine: CudaMachine,
): Promise<Result<RunReport>> {
  const at = (name: string) => path.join(folder, name);
  await write(at("weights"), plan.params, ({ name }) => weights.f32(name));
  await write(at("input"), plan.inputs, async ({ name }) => (inputs.get(name) as RunTensor).data);
  const words = [at("weights"), at("input"), at("output"), `${batch}`];
  const workers = `${Math.min(4, os.availableParallelism())}`;
  const run = await runTool(program, machine === "cpu" ? [...words, "forward", "late", workers] : words);
  if (run === null || run.code !== 0) {
    const reason = run?.stderr.trim().split("\n").at(-1) ?? "its program is gone";
    return fail(
      run?.code === noDevice
        ? error(
            "missing-tool",
            null,
            "a CUDA device of compute capability 8.0 or newer",
            "running CUDA kernels",
            reason,
          )
        : error("tool-failed", null, "the CUDA library", reason || `it ended with exit code ${run?.code}`),
    );
  }
  const bytes = await readFile(at("output"));
  const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const outputs = new Map<string, RunTensor>();
  let from = 0;
  for (const { name, shape, perImage } of plan.outputs) {
    const whole = perImage ? [batch, ...shape] : shape;
    const size = elements(whole);
    outputs.set(name, { shape: whole, data: values.slice(from, from + size) });
    from += size;
  }
  const on = machine === "cpu" ? "CUDA kernels on the CPU" : "CUDA";
  return ok({ outputs, on, milliseconds: Number(run.stdout) });
}

async function write<T>(file: string, parts: readonly T[], data: (part: T) => Promise<Float32Array>): Promise<void> {
  const handle = await open(file, "w");
  try {
    for (const part of parts) {
      const { buffer, byteOffset, byteLength } = await data(part);
      await handle.writeFile(new Uint8Array(buffer, byteOffset, byteLength));
    }
  } finally {
    await handle.close();
  }
}
