import * as path from "node:path";
import { type Diagnostic, type FilePlace, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { Failure } from "../../diagnostics/failure.ts";
import { quoted } from "../../diagnostics/messages/quoted.ts";
import { error } from "../../diagnostics/messages.ts";
import { type JsonLimits, readJson } from "../../json/read.ts";
import { isObject } from "../../json/shape.ts";
import { type FsOps, lookAt } from "./fs.ts";

export const manifestName = "cnxc.manifest.json";

/** Of the manifest's own form; a cnxc does not touch what a later form describes. Form 1 knew one spec a directory. */
const format = 2;

export interface ManifestEntry {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

/** Files of an output directory and what they were made from. Nothing that differs from one machine or day to the next. */
export interface Made {
  /** Of the spec, from the directory; without a slash it is the name of something that is no file. */
  readonly path: string;
  readonly sha256: string;
  readonly options: unknown;
  readonly files: readonly ManifestEntry[];
}

export interface Manifest {
  /** That of the cnxc which wrote last. */
  readonly compiler: string;
  readonly specs: readonly Made[];
  /** Those of all specs. */
  readonly files: readonly ManifestEntry[];
}

export const byPath = (a: { readonly path: string }, b: { readonly path: string }): number =>
  a.path < b.path ? -1 : a.path > b.path ? 1 : 0;

export function printManifest(compiler: string, made: readonly Made[]): string {
  const firstFile = ({ files: [first] }: Made): string => first?.path ?? "";
  const specs = made
    .map(({ path, sha256, options, files }) => ({ path, sha256, options, files: [...files].sort(byPath) }))
    .sort((a, b) => byPath(a, b) || byPath({ path: firstFile(a) }, { path: firstFile(b) }));
  return `${JSON.stringify({ format, compiler, specs }, null, 2)}\n`;
}

/** What can be wrong with a manifest, in the words of who reads it. */
export interface Complaints {
  readonly damaged: (place: FilePlace, why: string) => Diagnostic;
  readonly outside: (place: FilePlace, path: string, why: string) => Diagnostic;
  readonly newer: (place: FilePlace, compiler: string) => Diagnostic;
}

/** For a command that is about to write there. */
export const beforeWriting: Complaints = {
  damaged: (place, why) => error("output-damaged", place, why),
  outside: place => error("output-damaged", place, "lists a path outside its directory"),
  newer: (place, compiler) => error("output-newer", place, compiler),
};

const manifestLimits: JsonLimits = { bytes: 2 ** 24, values: 2 ** 21 };

/** The text of a directory's manifest, null where there is none. Throws a `Failure` where it is no file of its kind. */
export function manifestText(ops: FsOps, directory: string, { damaged }: Complaints): string | null {
  const file = path.join(directory, manifestName);
  const found = lookAt(ops, file);
  if (found === null) return null;
  const damage = found.isFile() ? (found.size > manifestLimits.bytes ? "is too large" : null) : "is no regular file";
  if (damage !== null) throw new Failure(damaged({ file: directory, offset: null }, damage));
  return String(ops.readFileSync(file, "utf8"));
}

/** A manifest decides what may be deleted, so one that is not exactly ours counts as damage, never as a guess. */
export function readManifest(text: string, file: string, complaints: Complaints = beforeWriting): Result<Manifest> {
  const place = { file, offset: null };
  const damaged = (why: string): { ok: false; diagnostics: readonly Diagnostic[] } =>
    fail(complaints.damaged(place, why));
  const wrong = (at: FilePlace, why: string): Diagnostic => complaints.damaged(at, `is no JSON object: ${why}`);
  const json = readJson({ file, bytes: new TextEncoder().encode(text), limits: manifestLimits, wrong });
  if (!json.ok) return json;
  const value = json.value;
  if (!isObject(value)) return damaged("is no JSON object");
  if (typeof value.format !== "number" || typeof value.compiler !== "string") return damaged("has no format");
  if (value.format > format) return fail(complaints.newer(place, value.compiler));
  const listed = value.format === format ? value.specs : [ofFirstForm(value)];
  if (!Array.isArray(listed)) return damaged("names no specs");
  const specs: Made[] = [];
  const seen = new Set<string>();
  for (const made of listed as unknown[]) {
    if (!isObject(made) || typeof made.path !== "string" || typeof made.sha256 !== "string")
      return damaged("does not say what it was made from");
    if (!Array.isArray(made.files)) return damaged("lists no files");
    const files: ManifestEntry[] = [];
    for (const entry of made.files as unknown[]) {
      if (!isObject(entry)) return damaged("lists something that is no file");
      const { path, size, sha256 } = entry;
      if (typeof path !== "string") return damaged("lists a file without a path");
      const problem = pathProblem(path);
      if (problem !== null) return fail(complaints.outside(place, path, problem));
      if (typeof size !== "number" || typeof sha256 !== "string")
        return damaged(`says too little about ${quoted(path)}`);
      if (seen.has(path)) return damaged(`lists ${quoted(path)} twice`);
      seen.add(path);
      files.push({ path, size, sha256 });
    }
    specs.push({ path: made.path, sha256: made.sha256, options: made.options, files });
  }
  return ok({ compiler: value.compiler, specs, files: specs.flatMap(({ files }) => files) });
}

/** What a manifest of the first form says of its one spec, of which it had the name alone. */
function ofFirstForm({ spec, options, files }: Readonly<Record<string, unknown>>): unknown {
  return isObject(spec) ? { path: spec.name, sha256: spec.sha256, options, files } : null;
}

/** Why a path is none of a file inside an output directory, or null. */
export function pathProblem(path: string): string | null {
  const parts = path.split("/");
  if (path === manifestName) return "is the manifest's";
  if (parts.some(part => part === "" || part === "." || part === "..")) return "is not plain";
  return /[\\:\0]/.test(path) ? "has a character that is not portable" : null;
}
