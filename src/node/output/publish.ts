import { constants } from "node:fs";
import * as path from "node:path";
import { type Diagnostic, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { Failure } from "../../diagnostics/failure.ts";
import { invariant } from "../../diagnostics/invariant.ts";
import { error } from "../../diagnostics/messages.ts";
import { errnoOf, ioError } from "../files/errno.ts";
import { onInterrupt } from "../process/interrupt.ts";
import { seal, writeChanged } from "./build-tree.ts";
import { type DirectoryRequest, outputDirectory } from "./directory.ts";
import { type FsOps, patientFs, realFs } from "./fs.ts";
import { namesBeside, takeLock, type Waiting } from "./lock.ts";
import { type ManifestEntry, pathProblem, printManifest } from "./manifest.ts";
import { merge, type Origin } from "./origin.ts";
import type { OutputFile } from "./output-file.ts";
import { prove, stillOurs } from "./proof.ts";
import { conflict, discard, lookBefore, recover, swap } from "./swap.ts";
import { foldersOf, foreignEntries } from "./tree.ts";
import { syncFolder } from "./write.ts";

export type { Origin } from "./origin.ts";
export type { OutputFile } from "./output-file.ts";

export interface PublishRequest extends DirectoryRequest {
  readonly files: readonly OutputFile[];
  readonly origin: Origin;
  /** How long another writer is waited for; half a minute where it is left out. */
  readonly waiting?: Waiting;
  readonly fs?: FsOps;
}

export interface Published {
  /** The directory itself, links resolved. */
  readonly directory: string;
  readonly written: readonly string[];
  readonly unchanged: readonly string[];
  readonly removed: readonly string[];
  /** Of other specs, and as they were. */
  readonly others: readonly string[];
  /** What lies there and is the user's. */
  readonly kept: readonly string[];
  /** An earlier run had been killed between two renames, and its directory was restored. */
  readonly restored: boolean;
}

/**
 * Makes an output directory hold exactly these files of its specs, beside those of others and what is the user's: all of
 * them, or on an error or a signal what was there before. The new tree is written as a sibling, synced, and renamed into place.
 */
export async function publish(request: PublishRequest): Promise<Result<Published>> {
  checkPaths(request.files);
  const ops = patientFs(request.fs ?? realFs);
  const undo: (() => void)[] = [];
  const takeBack = () => {
    for (const step of undo.splice(0).reverse()) {
      try {
        step();
      } catch {
        // what is left, the next run removes
      }
    }
  };
  const disarm = onInterrupt(takeBack);
  try {
    const directory = outputDirectory(ops, request);
    const { parent, lock: file, newTemp } = namesBeside(directory);
    ops.mkdirSync(parent, { recursive: true });
    const lock = await takeLock(ops, file, request.directory, request.waiting ?? { looks: 1200, lookMs: 25 });
    if (!lock.ok) return lock;
    const temp = newTemp();
    undo.push(lock.value.release, () => ops.rmSync(temp, { recursive: true, force: true }));
    return ok(await replace(ops, { directory, temp, confirm: lock.value.confirm }, request));
  } catch (cause) {
    return fail(explain(cause, request.directory));
  } finally {
    takeBack();
    disarm();
  }
}

const byHash = ({ path, sha256 }: ManifestEntry): readonly [string, string] => [path, sha256];

interface Place {
  readonly directory: string;
  /** The sibling in which the new tree grows. */
  readonly temp: string;
  /** Throws where the lock has been lost. */
  readonly confirm: () => void;
}

async function replace(
  ops: FsOps,
  { directory, temp, confirm }: Place,
  { files, origin }: PublishRequest,
): Promise<Published> {
  const restored = await recover(ops, directory);
  const before = lookBefore(ops, directory);
  if (before.identity !== null) ops.accessSync(directory, constants.W_OK);
  const merged = merge(ops, directory, before.manifest, origin, files);
  const proof = await prove(ops, directory, before.manifest);
  const others = merged.others.flatMap(one => one.files.map(({ path }) => path)).filter(file => proof.ours.has(file));
  const wanted = new Set([...files.map(file => file.path), ...others]);
  const ours = stillOurs(ops, directory, proof, wanted);
  const kept = before.manifest === null ? [] : foreignEntries(ops, directory, ours, wanted);
  const problem = conflict(ops, directory, kept, wanted, proof.edited);
  if (problem !== null) throw new Failure(problem);

  const known = new Map(before.manifest?.files.filter(({ path }) => proof.ours.has(path)).map(byHash));
  const trees = { directory, known, temp };
  const tree = await writeChanged(ops, trees, files);
  const removed = [...ours].filter(file => !wanted.has(file)).sort();
  const text = printManifest(origin.compiler, merged.made(tree.entries));
  const result = { directory, written: tree.written, unchanged: tree.unchanged, removed, others, restored };
  if (tree.written.length === 0 && text === before.text) return { ...result, kept };

  await seal(ops, trees, { ...tree, others }, text);
  confirm();
  const moved = swap(ops, directory, temp, before, { proof, wanted });
  syncFolder(ops, path.dirname(directory));
  try {
    discard(ops, directory, ours);
  } catch {
    // the exchange is done; what is left of the old tree, the next run removes
  }
  return { ...result, kept: moved };
}

/** Paths come from the compiler, never from a user; a bad one is a bug. */
export function checkPaths(files: readonly OutputFile[]): void {
  const paths = new Set(files.map(file => file.path));
  invariant(paths.size === files.length, "two output files have one path");
  const folders = foldersOf(paths);
  for (const file of paths) {
    const problem = folders.has(file) ? "is a folder as well" : pathProblem(file);
    invariant(problem === null, `the output path '${file}' ${problem}`);
  }
}

export function explain(cause: unknown, directory: string): Diagnostic {
  if (cause instanceof Failure) return cause.diagnostic;
  if (errnoOf(cause) === "ENOENT") return error("output-vanished", { file: directory, offset: null });
  return ioError(cause, directory, "write the output directory");
}
