import * as path from "node:path";
import { type OnnxSummary, readOnnx } from "../../../artifact/onnx-model.ts";
import { type Diagnostic, fail, ok, type Result } from "../../../diagnostics/diagnostic.ts";
import { Failure } from "../../../diagnostics/failure.ts";
import { error, warning } from "../../../diagnostics/messages.ts";
import { openSource } from "../../files/byte-source.ts";
import { errnoOf, ioError, pathProblem } from "../../files/errno.ts";
import { type FsOps, lookAt, patientFs, pause, realFs } from "../../output/fs.ts";
import { namesBeside } from "../../output/lock.ts";
import { type Complaints, type Manifest, manifestName, manifestText, readManifest } from "../../output/manifest.ts";
import { foreignEntries } from "../../output/tree.ts";
import { isNewer, version } from "../../process/version.ts";
import { externalProblem } from "./externals.ts";
import { entryProblem } from "./files.ts";

/** An ONNX file that was read, and where its weights are. */
export interface CheckedModel extends Omit<OnnxSummary, "external" | "weights"> {
  readonly path: string;
  readonly weights: "inside" | "outside" | "none";
}

export interface Artifacts {
  /** What the manifest lists; null where one ONNX file was given. */
  readonly manifest: { readonly compiler: string; readonly files: number; readonly bytes: number } | null;
  /** Those that are right. */
  readonly models: readonly CheckedModel[];
  /** Paths of files that are not. */
  readonly wrong: readonly string[];
  /** What lies there and is the user's. */
  readonly kept: readonly string[];
}

/**
 * Checks what `compile -o` wrote, or one ONNX file, without running anything. Files that differ and models that are wrong
 * are errors among the diagnostics of a report; without a manifest to go by there is no report. Nothing is written.
 */
export async function artifacts(given: string): Promise<Result<Artifacts>> {
  const ops = patientFs(realFs);
  const problem = pathProblem(given);
  if (problem !== null) return fail(problem);
  try {
    return lookAt(ops, ops.realpathSync(given))?.isDirectory() ? await settled(ops, given) : await oneModel(ops, given);
  } catch (cause) {
    return fail(cause instanceof Failure ? cause.diagnostic : ioError(cause, given, "read it"));
  }
}

/** A compile that replaces the folder meanwhile is waited out; a lock that stays is the rest of a process that died. */
const patience = { looks: 40, milliseconds: 100 } as const;

async function settled(ops: FsOps, folder: string): Promise<Result<Artifacts>> {
  const real = ops.realpathSync(folder);
  const { lock } = namesBeside(real);
  for (let looks = 1; ; looks++) {
    const busy = lookAt(ops, lock) !== null;
    const before = textOrNull(ops, folder);
    const found = await checked(ops, folder);
    const same = busy === (lookAt(ops, lock) !== null) && before === textOrNull(ops, folder);
    const right = found.ok && found.value.wrong.length === 0;
    if (right || (same && !busy) || looks === patience.looks) return found;
    pause(patience.milliseconds);
  }
}

function textOrNull(ops: FsOps, folder: string): string | null {
  try {
    return manifestText(ops, folder, complaints);
  } catch {
    return null;
  }
}

/** For a command that only reads. */
const complaints: Complaints = {
  damaged: (place, why) => error("artifact-manifest", place, why),
  outside: (place, path, why) => error("artifact-path", place, path, why),
  newer: (place, compiler) => error("artifact-newer", place, compiler, version),
};

async function checked(ops: FsOps, folder: string): Promise<Result<Artifacts>> {
  try {
    const file = path.join(folder, manifestName);
    const text = manifestText(ops, folder, complaints);
    if (text === null) return fail(error("artifact-manifest", { file: folder, offset: null }, "is missing"));
    const manifest = readManifest(text, file, complaints);
    if (!manifest.ok) return manifest;
    const { compiler } = manifest.value;
    if (isNewer(compiler, version)) return fail(complaints.newer({ file, offset: null }, compiler));
    return await checkTree(ops, folder, manifest.value);
  } catch (cause) {
    if (errnoOf(cause) === null && !(cause instanceof Failure)) throw cause;
    return fail(cause instanceof Failure ? cause.diagnostic : ioError(cause, folder, "read it"));
  }
}

async function checkTree(ops: FsOps, folder: string, { compiler, files }: Manifest): Promise<Result<Artifacts>> {
  const problems: Diagnostic[] = [];
  const warnings: Diagnostic[] = [];
  const wrong = new Set<string>();
  const ours = new Set(files.map(entry => entry.path));
  const models: CheckedModel[] = [];
  for (const entry of files) {
    const problem = entryProblem(ops, folder, entry);
    if (problem === null) continue;
    problems.push(problem);
    wrong.add(entry.path);
  }
  // What leads elsewhere comes first, and is more than a difference: then no model is read.
  const astray = problems.filter(({ code }) => code === "artifact-path");
  const others = problems.filter(({ code }) => code !== "artifact-path");
  for (const { path: file } of astray.length > 0 ? [] : files) {
    if (!file.endsWith(".onnx") || lookAt(ops, path.join(folder, file)) === null) continue;
    const model = await checkModel(ops, folder, file, ours);
    (model.ok ? warnings : others).push(...model.diagnostics);
    if (model.ok) models.push(model.value);
    else wrong.add(file);
  }
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const { old } = namesBeside(ops.realpathSync(folder));
  if (lookAt(ops, old) !== null) warnings.push(warning("artifact-unfinished", { file: folder, offset: null }, old));
  return ok(
    {
      manifest: { compiler, files: files.length, bytes },
      models,
      wrong: [...wrong].sort(),
      kept: foreignEntries(ops, folder, ours),
    },
    [...astray, ...others, ...warnings],
  );
}

async function oneModel(ops: FsOps, file: string): Promise<Result<Artifacts>> {
  const real = ops.realpathSync(file);
  const model = await checkModel(ops, path.dirname(real), path.basename(real), new Set(), file);
  return model.ok ? ok({ manifest: null, models: [model.value], wrong: [], kept: [] }, model.diagnostics) : model;
}

/** `listed` files have been looked at by the manifest; `name` is what the user called the model. */
async function checkModel(
  ops: FsOps,
  root: string,
  file: string,
  listed: ReadonlySet<string>,
  name = path.join(root, file),
): Promise<Result<CheckedModel>> {
  const source = await openSource(name);
  if (!source.ok) return source;
  try {
    const read = await readOnnx(source.value);
    if (!read.ok) return read;
    const { external, weights, ...model } = read.value;
    for (const one of external) {
      const problem = externalProblem(ops, { root, model: file, name, listed, optional: !weights }, one);
      if (problem !== null) return fail(problem);
    }
    const where = !weights ? "none" : external.length > 0 ? "outside" : "inside";
    return ok({ path: file, ...model, weights: where }, read.diagnostics);
  } finally {
    await source.value.close();
  }
}
