import { planTraining } from "../../compile.ts";
import { fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { Failure } from "../../diagnostics/failure.ts";
import { error } from "../../diagnostics/messages.ts";
import { cudaTarget } from "../../emit/cuda/target.ts";
import { cudaTrainerFiles } from "../../emit/cuda/trainer/files.ts";
import { inMemoryContext, type OutputFile } from "../../emit/target.ts";
import type { Plan, Port } from "../../plan/plan.ts";
import { biasCorrections } from "../../training/adamw.ts";
import { elements } from "../../weights/tensor.ts";
import type { RunTensor } from "../inputs/tensors.ts";
import { type Conversation, converse } from "../process/conversation.ts";
import { progress } from "../process/progress.ts";
import { version } from "../process/version.ts";
import { cudaName } from "./cuda.ts";
import { cudaErrors, cudaWorkers } from "./cuda-library.ts";
import type { Wanted } from "./executors.ts";
import { buildCuda, type CudaMachine } from "./toolchain.ts";
import { type Elements, type OpenTrainer, type StateKind, stateKinds, type TrainerRequest } from "./trainer.ts";

/** What maps and packed weights are kept in, and how products of f32 are made. */
type Storage = Pick<Wanted, "dtype" | "tf32">;

/** Our CUDA library that trains, in a process of its own, which keeps the state. */
export const cudaTrainer =
  (machine: CudaMachine, storage: Storage): OpenTrainer =>
  async request => {
    const sources = trainerSources(request, storage);
    if (!sources.ok) return sources;
    const { plan, files } = sources.value;
    const built = await buildCuda(machine, files, progress);
    if (!built.ok) return built;
    const program = converse(built.value, machine === "cpu" ? ["forward", "late", cudaWorkers()] : []);
    const ask = asking(program);
    const index = new Map(plan.params.map(({ name }, i) => [name, i]));
    const kinds = stateKinds.filter(kind => kind !== "ema" || request.recipe.ema !== null);
    try {
      await begin(ask, plan, kinds, request);
    } catch (cause) {
      await program.end();
      if (cause instanceof Failure) return fail(cause.diagnostic);
      throw cause;
    }
    let isFirst = true;
    const { optimizer, clip, ema } = request.recipe;
    return ok({
      on:
        storage.tf32 || storage.dtype !== "f32"
          ? `${cudaName[machine]}, ${storage.tf32 ? "tf32" : storage.dtype}`
          : cudaName[machine],
      async accumulate(inputs, share) {
        const batch = inputs.get("pixel_values")?.shape[0] ?? 0;
        const given = plan.inputs.map(port => floats(inputOf(port, inputs).data));
        const head = [letter("b"), words(batch), floats([share]), words(isFirst ? 0 : 1)];
        const [loss = Number.NaN] = await ask([...head, ...given], 1);
        isFirst = false;
        return loss;
      },
      async update({ lr, n }) {
        isFirst = true;
        const { betas, eps } = optimizer;
        const { first, second } = biasCorrections(betas, n);
        const step = [lr, ...betas, eps, first, second, 1 - (ema ?? 0)];
        const [gradNorm = Number.NaN, scale = 0] = await ask([letter("u"), floats([...step, clip ?? 0])], 2);
        return { gradNorm, skipped: scale === 0 };
      },
      read: (kind, name) => {
        const at = index.get(name) ?? plan.params.length;
        const shape = plan.params[at]?.shape ?? [];
        return ask([letter("r"), words(stateKinds.indexOf(kind), at)], elements(shape));
      },
      close: async () => {
        await program.end();
      },
    });
  };

/** The sources that a recipe's model learns by. */
export function trainerSources(
  { model, recipe }: Pick<TrainerRequest, "model" | "recipe">,
  { dtype, tf32 }: Storage,
): Result<{ readonly plan: Plan; readonly files: readonly OutputFile[] }> {
  const planned = planTraining({ model, recipe, target: cudaTarget(dtype, { tf32 }) });
  if (!planned.ok) return planned;
  const { plan } = planned.value;
  const context = { ...inMemoryContext, model, version };
  return ok({ plan, files: cudaTrainerFiles({ plan, recipe }, context) });
}

type Ask = (question: readonly Uint8Array[], floats: number) => Promise<Float32Array>;

/** Each answer begins with a status: 0, or the last that the program says. */
const asking =
  (program: Conversation): Ask =>
  async (question, count) => {
    const status = await program.ask(question, 4);
    if (status.length === 4 && status.readUInt32LE() === 0) {
      const values = await program.more(4 * count);
      if (values.length === 4 * count) return new Float32Array(Uint8Array.from(values).buffer);
    }
    const { code, stderr } = await program.end();
    throw new Failure(cudaErrors(code, stderr));
  };

/** What is learned, and what is kept of it: what there is to start from; moments are 0 where nothing is, the average the parameter. */
async function begin(
  ask: Ask,
  plan: Plan,
  kinds: readonly StateKind[],
  { params, start }: Pick<TrainerRequest, "params" | "start">,
): Promise<void> {
  const treated = new Map(params.map(({ name, lrScale, weightDecay }) => [name, [lrScale, weightDecay]]));
  await ask([letter("t"), floats(plan.params.flatMap(({ name }) => treated.get(name) ?? [1, 0]))], 0);
  for (const [i, { name }] of plan.params.entries())
    for (const kind of kinds) {
      const values = (await start(kind, name)) ?? (kind === "ema" ? await start("param", name) : null);
      if (values !== null) await ask([letter("w"), words(stateKinds.indexOf(kind), i), floats(values)], 0);
    }
  await ask([letter("p")], 0);
}

const letter = (of: string): Uint8Array => Buffer.from(of);
const words = (...values: readonly number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);
function floats(values: Elements | readonly number[]): Uint8Array {
  const { buffer, byteOffset, byteLength } = values instanceof Float32Array ? values : Float32Array.from(values);
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function inputOf({ name }: Port, inputs: ReadonlyMap<string, RunTensor>): RunTensor {
  const tensor = inputs.get(name);
  if (tensor === undefined) throw new Failure(error("run-refused", null, `nothing is given for '${name}'`));
  return tensor;
}
