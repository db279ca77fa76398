import * as fs from "node:fs";
import * as path from "node:path";
import { type Diagnostic, fail, ok, type Result } from "../../../diagnostics/diagnostic.ts";
import { Failure } from "../../../diagnostics/failure.ts";
import { error, warning } from "../../../diagnostics/messages.ts";
import { readJson, smallJson } from "../../../json/read.ts";
import { isObject } from "../../../json/shape.ts";
import type { Recipe } from "../../../model/model.ts";
import type { Learned } from "../../../training/learned.ts";
import { f32Tensor, writeSafetensors } from "../../../weights/formats/safetensors.ts";
import type { FileForm, Param, TensorData } from "../../../weights/tensor.ts";
import { type Elements, type StateKind, stateKinds, type Trainer } from "../../executors/trainer.ts";
import { clearOwned, ownedName, removeNow } from "../../files/temp-files.ts";
import { patientFs, realFs } from "../../output/fs.ts";
import { namesBeside, takeLock } from "../../output/lock.ts";
import { beforeWriting, type ManifestEntry, manifestText, readManifest } from "../../output/manifest.ts";
import { type Published, publish } from "../../output/publish.ts";
import { foreignEntries, hashOf } from "../../output/tree.ts";
import { version } from "../../process/version.ts";

/** How far a run has come. */
export interface Progress {
  /** Steps that are done. */
  readonly step: number;
  /** Those of them that changed the weights. */
  readonly updates: number;
}

export interface Checkpoint extends Progress {
  readonly folder: string;
  /** Of what it was trained on; null in those of versions that did not say. */
  readonly dataSha256: string | null;
  readonly compiler: string;
  readonly files: ReadonlySet<string>;
}

/** The files of a checkpoint. The last is there where a trainer keeps more than 32 bits. */
export const checkpointFiles = {
  progress: "train.json",
  model: "model.safetensors",
  state: "state.safetensors",
  exact: "float64.safetensors",
} as const;

/** What stands before a parameter's name, kind by kind. */
export const statePrefix: { readonly [K in StateKind]: string } = {
  param: "",
  exp_avg: "adamw.m.",
  exp_avg_sq: "adamw.v.",
  ema: "ema.",
};

const folderOf = (run: string, step: number): string => path.join(run, "checkpoints", `step-${step}`);

export interface CheckpointRequest extends Progress {
  readonly run: string;
  readonly recipe: Recipe;
  readonly recipeSha256: string;
  readonly dataSha256: string;
  readonly params: readonly Learned[];
  readonly trainer: Trainer;
  /** How the weights' file has a parameter; left out where that is the official way. */
  readonly inFile: ((name: string) => FileForm) | undefined;
}

/** Writes a checkpoint, whole or not at all. */
export async function writeCheckpoint(request: CheckpointRequest): Promise<Result<Published>> {
  const { run, step, updates, recipe, recipeSha256, dataSha256, params, trainer, inFile } = request;
  const kinds = stateKinds.filter(kind => kind !== "ema" || recipe.ema !== null);
  const read = new Map<string, Elements>();
  for (const kind of kinds)
    for (const { name } of params) read.set(statePrefix[kind] + name, await trainer.read(kind, name));
  const valuesOf = (kind: StateKind, name: string) => read.get(statePrefix[kind] + name) as Elements;
  const single = (kind: StateKind): readonly TensorData[] =>
    params.map(param => {
      const form = inFile?.(param.name) ?? official(param);
      const values = () => form.ordered(Float32Array.from(valuesOf(kind, param.name)));
      return f32Tensor(statePrefix[kind] + form.name, form.shape, values);
    });
  const double = kinds.flatMap(kind =>
    params.flatMap(({ name, shape }): readonly TensorData[] => {
      const values = valuesOf(kind, name);
      if (values instanceof Float32Array) return [];
      const bytes = () => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      return [{ name: statePrefix[kind] + name, dtype: "F64", shape, bytes }];
    }),
  );
  const { progress, model, state, exact } = checkpointFiles;
  const about = {
    format: 1,
    compiler: version,
    recipe: recipe.name,
    recipe_sha256: recipeSha256,
    data_sha256: dataSha256,
    step,
    updates,
  };
  return publish({
    directory: folderOf(run, step),
    inputs: [],
    project: process.cwd(),
    followOutside: true,
    files: [
      { path: progress, contents: `${JSON.stringify(about, null, 2)}\n` },
      { path: model, contents: writeSafetensors(single("param"), { format: "pt" }) },
      { path: state, contents: writeSafetensors(kinds.filter(kind => kind !== "param").flatMap(single)) },
      ...(double.length === 0 ? [] : [{ path: exact, contents: writeSafetensors(double) }]),
    ],
    origin: { compiler: version, specs: [{ name: recipe.name, sha256: recipeSha256 }], options: { step } },
  });
}

/** How many checkpoints stay. */
const kept = 3;

const goneName = ".gone.cnxc";

/** Removes all checkpoints but the last few, and none that holds what is not ours. */
export function pruneCheckpoints(run: string): void {
  const parent = path.join(run, "checkpoints");
  clearOwned(parent, goneName);
  for (const step of stepsIn(parent).slice(kept)) {
    const folder = folderOf(run, step);
    const ours = new Set(manifestOf(folder)?.map(({ path: file }) => file));
    if (ours.size === 0 || foreignEntries(realFs, folder, ours).length > 0) continue;
    // Under a name that says so: half removed it would look like a damaged one.
    const gone = path.join(parent, ownedName(goneName));
    fs.renameSync(folder, gone);
    removeNow(gone);
  }
}

/** Removes the lock that a process has left of its last checkpoint, which was killed before it let go. */
export async function unlockCheckpoint(run: string, step: number): Promise<void> {
  const { parent, lock } = namesBeside(folderOf(run, step));
  const taken = await takeLock(patientFs(realFs), lock, parent, { looks: 1, lookMs: 0 });
  if (taken.ok) taken.value.release();
}

/** The steps after which there are checkpoints, whole or not, the last first. */
function stepsIn(parent: string): readonly number[] {
  const names = fs.existsSync(parent) ? fs.readdirSync(parent).sort() : [];
  const steps = names.flatMap(name => /^step-(0|[1-9]\d{0,9})$/.exec(name)?.[1] ?? []);
  return steps.map(Number).sort((a, b) => b - a);
}

const official = ({ name, shape }: Param): FileForm => ({ name, shape, ordered: values => values });

/** The last checkpoint of a run that is whole; null where there is none at all. Of those that are not, a warning each. */
export function lastCheckpoint(run: string): Result<Checkpoint | null> {
  const parent = path.join(run, "checkpoints");
  const problems: Diagnostic[] = [];
  for (const step of stepsIn(parent)) {
    const folder = folderOf(run, step);
    const found = readCheckpoint(folder);
    if (typeof found !== "string") return ok(found, problems);
    problems.push(warning("checkpoint-damaged", { file: folder, offset: null }, found));
  }
  if (problems.length === 0) return ok(null);
  return fail(...problems, error("checkpoints-gone", { file: parent, offset: null }));
}

/** A checkpoint every byte of which is as it was written, or what is wrong with it. */
function readCheckpoint(folder: string): Checkpoint | string {
  const entries = manifestOf(folder);
  if (entries === null) return "has no manifest of its own";
  const broken = entries.find(({ path: file, size, sha256 }) => hashOf(realFs, folder, file, size) !== sha256);
  if (broken !== undefined) return `is not whole: ${broken.path} is not as it was written`;
  const files = new Set(entries.map(({ path: file }) => file));
  const { progress, model, state } = checkpointFiles;
  const lacking = [progress, model, state].find(file => !files.has(file));
  if (lacking !== undefined) return `lacks ${lacking}`;
  const file = path.join(folder, progress);
  const wrong = (place: Diagnostic["place"]) => warning("checkpoint-damaged", place, "");
  const json = readJson({ file, bytes: fs.readFileSync(file), limits: smallJson, wrong });
  const value = json.ok ? json.value : null;
  if (!isObject(value)) return `has no ${progress} that can be read`;
  const { step, updates, compiler, data_sha256: data } = value;
  if (typeof step !== "number" || typeof updates !== "number" || typeof compiler !== "string")
    return `has no ${progress} that can be read`;
  return { folder, step, updates, compiler, dataSha256: typeof data === "string" ? data : null, files };
}

function manifestOf(folder: string): readonly ManifestEntry[] | null {
  try {
    const text = manifestText(realFs, folder, beforeWriting);
    const manifest = text === null ? null : readManifest(text, folder);
    return manifest?.ok ? manifest.value.files : null;
  } catch (cause) {
    if (cause instanceof Failure) return null;
    throw cause;
  }
}
