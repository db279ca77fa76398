import * as fs from "node:fs";
import * as path from "node:path";
import { type Diagnostic, fail, ok, type Result } from "../../../diagnostics/diagnostic.ts";
import { Failure } from "../../../diagnostics/failure.ts";
import { error, warning } from "../../../diagnostics/messages.ts";
import { printDraft } from "../../../import/print-draft.ts";
import type { Model, Recipe } from "../../../model/model.ts";
import { formatSpec } from "../../../syntax/format.ts";
import { printRecipe } from "../../../training/print-recipe.ts";
import { utf8 } from "../../../weights/formats/utf8.ts";
import { ioError, pathProblem } from "../../files/errno.ts";
import { describeFile } from "../../files/read.ts";
import { clearRests, writeFile } from "../../files/write-file.ts";
import { patientFs, realFs } from "../../output/fs.ts";
import { namesBeside, takeLock } from "../../output/lock.ts";
import { onInterrupt } from "../../process/interrupt.ts";
import { version } from "../../process/version.ts";
import { type Checkpoint, lastCheckpoint } from "./checkpoints.ts";

/** The folder of a run, which nobody else writes meanwhile. */
export interface RunFolder {
  /** Where it really is. */
  readonly folder: string;
  /** Null for a run that begins. */
  readonly from: Checkpoint | null;
  /** Throws where another process has taken the folder over. */
  readonly confirm: () => void;
  /** Writes the recipe and makes the log end where the run begins. */
  begin(): Promise<Diagnostic | null>;
  log(line: object): void;
  evaluated(line: object): void;
  close(): void;
}

export const recipeFile = "train.cnx";
export const logFile = "log.jsonl";
/** What was seen of the weights at checkpoints: there where something was. */
export const evaluationsFile = "evaluations.jsonl";

/** Another process is not waited for: it trains for hours. */
const waiting = { looks: 40, lookMs: 25 };

/** A recipe and its model as a spec that needs no other, every field of the recipe stated. */
export function recipeText(recipe: Recipe, model: Model): Result<string> {
  const draft = printDraft(model, "What cnxc train ran.");
  if (!draft.ok) return draft;
  return formatSpec({ name: recipeFile, text: `${draft.value}\n${printRecipe(recipe).join("\n")}\n` });
}

/** Takes a folder for a run: an empty or new one, or to go on with it one that holds a run by the same recipe. */
export async function openRun(named: string, text: string, steps: number, resume: boolean): Promise<Result<RunFolder>> {
  const problem = pathProblem(named);
  if (problem !== null) return fail(problem);
  const place = { file: named, offset: null };
  const ops = patientFs(realFs);
  const full = path.resolve(named);
  let release: (() => void) | null = null;
  try {
    const stat = fs.statSync(full, { throwIfNoEntry: false });
    if (stat !== undefined && !stat.isDirectory()) return fail(error("not-a-directory", place, describeFile(stat)));
    const folder = stat === undefined ? full : fs.realpathSync(full);
    const { parent, lock: file } = namesBeside(folder);
    fs.mkdirSync(parent, { recursive: true });
    const lock = await takeLock(ops, file, named, waiting);
    if (!lock.ok) return lock;
    const { release: free, confirm } = lock.value;
    release = free;
    const found = lookAround(folder, place, text, steps, resume);
    if (!found.ok) return found;
    const disarm = onInterrupt(free);
    release = null;
    const from = found.value;
    const close = () => {
      disarm();
      free();
    };
    const begin = () => beginRun(folder, text, from?.step ?? 0);
    return ok(
      {
        folder,
        from,
        confirm,
        begin,
        log: line => append(folder, logFile, line),
        evaluated: line => append(folder, evaluationsFile, line),
        close,
      },
      found.diagnostics,
    );
  } catch (cause) {
    if (cause instanceof Failure) return fail(cause.diagnostic);
    return fail(ioError(cause, named, "write the folder of the run"));
  } finally {
    release?.();
  }
}

function lookAround(
  folder: string,
  place: { readonly file: string; readonly offset: null },
  text: string,
  steps: number,
  resume: boolean,
): Result<Checkpoint | null> {
  const recipe = path.join(folder, recipeFile);
  clearRests(recipe);
  const names = fs.existsSync(folder) ? fs.readdirSync(folder).sort() : [];
  const [first] = names;
  if (!names.includes(recipeFile)) {
    if (first !== undefined) return fail(error("run-foreign", place, first));
    return resume ? fail(error("run-missing", place)) : ok(null);
  }
  if (!resume) return fail(error("run-exists", place));
  const other = difference(fs.readFileSync(recipe, "utf8"), text);
  if (other !== null) return fail(error("run-differs", { file: recipe, offset: null }, other.there, other.now));
  const last = lastCheckpoint(folder);
  if (!last.ok || last.value === null) return last;
  const { step, compiler } = last.value;
  if (step > steps) return fail(error("run-longer", place, step, steps));
  const older = compiler === version ? [] : [warning("run-version", place, compiler, version)];
  return ok(last.value, [...last.diagnostics, ...older]);
}

/** The first line that differs, but for how long it runs: a run may be made longer where its schedule stays. */
function difference(there: string, now: string) {
  const lines = (text: string) =>
    text
      .split("\n")
      .map(line => line.trim().replaceAll(/\s+/g, " "))
      .filter(line => !/^steps \d+$/.test(line));
  const [before, after] = [lines(there), lines(now)];
  const at = before.findIndex((line, i) => line !== after[i]);
  if (at < 0 && before.length === after.length) return null;
  const nothing = "nothing more";
  return at < 0
    ? { there: nothing, now: after[before.length] ?? nothing }
    : { there: before[at] || nothing, now: after[at] || nothing };
}

/**
 * The recipe, by which a folder is known as a run; and of the log the lines of what is done: what came after the
 * checkpoint is done again.
 */
async function beginRun(folder: string, text: string, step: number): Promise<Diagnostic | null> {
  const [log, evaluations] = [path.join(folder, logFile), path.join(folder, evaluationsFile)];
  try {
    fs.mkdirSync(folder, { recursive: true });
    const recipe = path.join(folder, recipeFile);
    // It may itself be the spec that was read.
    const isThere = fs.existsSync(recipe) && fs.readFileSync(recipe, "utf8") === text;
    const unwritten = isThere ? null : await writeFile(recipe, [utf8(text)]);
    if (unwritten !== null) return unwritten;
    // Steps are counted from 0; an evaluation is of the weights after so many.
    if (fs.existsSync(evaluations)) {
      const uncut = await keepLines(evaluations, at => at <= step);
      if (uncut !== null) return uncut;
    }
    return await keepLines(log, at => at < step);
  } catch (cause) {
    return ioError(cause, log, "write it");
  }
}

/** Leaves the lines of a file whose steps are done. */
async function keepLines(file: string, isDone: (step: number) => boolean): Promise<Diagnostic | null> {
  const lines = fs.existsSync(file) ? fs.readFileSync(file, "utf8").split("\n").slice(0, -1) : [];
  const kept = lines.filter(line => isDone(Number(/^\{"step":(\d+),/.exec(line)?.[1] ?? Number.NaN)));
  return writeFile(file, [utf8(kept.map(line => `${line}\n`).join(""))]);
}

function append(folder: string, name: string, line: object): void {
  const file = path.join(folder, name);
  try {
    fs.appendFileSync(file, `${JSON.stringify(line)}\n`);
  } catch (cause) {
    throw new Failure(ioError(cause, file, "write it"));
  }
}
