import * as path from "node:path";
import { type Diagnostic, ok, type Result } from "../../../diagnostics/diagnostic.ts";
import { invariant } from "../../../diagnostics/invariant.ts";
import type { Model, Recipe } from "../../../model/model.ts";
import type { Learned } from "../../../training/learned.ts";
import { copied } from "../../../weights/dtype.ts";
import { readTensorFile } from "../../../weights/formats/tensor-file.ts";
import { drawnBy } from "../../../weights/made/random.ts";
import type { TensorFile, Weights } from "../../../weights/tensor.ts";
import { bindWeights } from "../../../weights/use/bind.ts";
import { type StateKind, stateKinds, type TrainerRequest } from "../../executors/trainer.ts";
import { openSource } from "../../files/byte-source.ts";
import { orClosed } from "../../files/or-closed.ts";
import { openWeights, type WeightsOptions } from "../../inputs/open-weights.ts";
import { type Checkpoint, checkpointFiles, statePrefix } from "./checkpoints.ts";

/** What a run begins from, or goes on from. */
export interface Start extends Pick<TrainerRequest, "start"> {
  readonly inFile: Weights["inFile"];
  close(): Promise<void>;
}

export interface StartRequest {
  readonly model: Model;
  readonly recipe: Recipe;
  readonly params: readonly Learned[];
  readonly report: (diagnostic: Diagnostic) => void;
}

/** Standard deviation of a new head over a trained encoder. Source: facebookresearch/ConvNeXt-V2, main_finetune.py. */
const headStd = 2e-5;

/** The weights of a file, or drawn as the recipe says; a head too that the file lacks. */
export async function newStart(
  file: string | null,
  binding: WeightsOptions,
  { model, recipe, params, report }: StartRequest,
): Promise<Result<Start>> {
  const weights: Result<Weights & { close(): Promise<void> }> =
    file === null
      ? ok({ ...drawnBy(recipe, model, params), close: async () => {} })
      : await openWeights(file, model, report, { ...binding, head: drawnBy(recipe, model, params, headStd) });
  if (!weights.ok) return weights;
  const { f32, inFile, close } = weights.value;
  const start: Start["start"] = async (kind, name) => (kind === "param" ? f32(name) : null);
  return ok({ start, inFile, close }, weights.diagnostics);
}

/** What a checkpoint holds, in 64 bits where it has so many. */
export async function resumedStart(from: Checkpoint, request: StartRequest): Promise<Result<Start>> {
  const { model, params, report, recipe } = request;
  const at = (file: string) => path.join(from.folder, file);
  // The hash in a spec is of the file that the run began from.
  const weights = await openWeights(at(checkpointFiles.model), { ...model, weightsSha256: null }, report);
  if (!weights.ok) return weights;
  const exact = from.files.has(checkpointFiles.exact);
  const source = await openSource(at(exact ? checkpointFiles.exact : checkpointFiles.state));
  const close = async () => {
    await weights.value.close();
    if (source.ok) await source.value.close();
  };
  return orClosed(close, async () => {
    const file = source.ok ? await readTensorFile(source.value) : source;
    if (!file.ok) return file;
    const start = await (exact ? exactValues : boundValues)(file.value, weights.value, { params, recipe });
    if (!start.ok) return start;
    return ok({ start: start.value, inFile: weights.value.inFile, close });
  });
}

type Values = Result<Start["start"]>;
type Known = Pick<StartRequest, "params" | "recipe">;

const exactValues = async (file: TensorFile): Promise<Values> =>
  ok(async (kind, name) => new Float64Array(copied(await file.bytes(statePrefix[kind] + name))));

/** Moments and averages in the names and layouts of the weights' file, which are those of the checkpoint's. */
async function boundValues(file: TensorFile, weights: Weights, { params, recipe }: Known): Promise<Values> {
  const bound = new Map<StateKind, Weights>([["param", weights]]);
  for (const kind of stateKinds) {
    if (kind === "param" || (kind === "ema" && recipe.ema === null)) continue;
    const found = await bindWeights(withoutPrefix(file, statePrefix[kind]), params);
    if (!found.ok) return found;
    bound.set(kind, found.value);
  }
  return ok(async (kind, name) => (await bound.get(kind)?.f32(name)) ?? null);
}

/** The tensors whose names begin so, without it. */
function withoutPrefix(file: TensorFile, prefix: string): TensorFile {
  const tensors = [...file.tensors.values()].flatMap(tensor => {
    const name = tensor.name.startsWith(prefix) ? tensor.name.slice(prefix.length) : null;
    return name === null ? [] : [[name, { ...tensor, name }] as const];
  });
  invariant(tensors.length > 0, `no '${prefix}' in ${file.name}`);
  return {
    name: file.name,
    tensors: new Map(tensors),
    metadata: file.metadata,
    bytes: name => file.bytes(prefix + name),
  };
}
