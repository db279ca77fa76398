import { createHash } from "node:crypto";
import * as path from "node:path";
import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import { fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import type { Output } from "../outcome/outcome.ts";
import { outputDirectory } from "./directory.ts";
import { type FsOps, lookAt, patientFs, realFs } from "./fs.ts";
import { byPath, type Made, type ManifestEntry, manifestName, printManifest } from "./manifest.ts";
import { merge } from "./origin.ts";
import { checkPaths, explain, type PublishRequest } from "./publish.ts";
import { type Before, lookBefore, pathsOf } from "./swap.ts";
import { foreignEntries, hashOf } from "./tree.ts";

export interface Checked {
  readonly directory: string;
  /** Stale, missing and extra files; none where `publish` would change nothing. */
  readonly findings: readonly Output[];
  readonly kept: readonly string[];
}

/** A compile that replaces the directory meanwhile is waited out by looking again. */
const attempts = 3;

/** What `publish` would change, found without writing anything. */
export async function checkOutput(request: PublishRequest): Promise<Result<Checked>> {
  checkPaths(request.files);
  const ops = patientFs(request.fs ?? realFs);
  try {
    const directory = outputDirectory(ops, request);
    const entries: ManifestEntry[] = [];
    for (const { path: file, contents } of request.files) entries.push({ path: file, ...(await measure(contents)) });
    for (let attempt = 1; ; attempt++) {
      const before = lookBefore(ops, directory);
      const { others, made } = merge(ops, directory, before.manifest, request.origin, request.files);
      const wanted = { entries, others, manifest: printManifest(request.origin.compiler, made(entries)) };
      const checked = compare(ops, directory, before, wanted);
      if (attempt === attempts || lookBefore(ops, directory).text === before.text) return ok(checked);
    }
  } catch (cause) {
    return fail(explain(cause, request.directory));
  }
}

interface Wanted {
  readonly entries: readonly ManifestEntry[];
  /** Other specs, whose files are not looked at. */
  readonly others: readonly Made[];
  readonly manifest: string;
}

function compare(ops: FsOps, directory: string, before: Before, { entries, others, manifest }: Wanted): Checked {
  const ours = pathsOf(before.manifest);
  const wanted = new Set([...entries, ...others.flatMap(({ files }) => files)].map(entry => entry.path));
  const findings: Output[] = [];
  for (const { path: file, size, sha256 } of entries) {
    if (lookAt(ops, path.join(directory, file)) === null) findings.push({ path: file, status: "missing" });
    else if (hashOf(ops, directory, file, size) !== sha256) findings.push({ path: file, status: "stale" });
  }
  for (const file of ours)
    if (!wanted.has(file) && lookAt(ops, path.join(directory, file)) !== null)
      findings.push({ path: file, status: "extra" });
  if (before.manifest === null) findings.push({ path: manifestName, status: "missing" });
  else if (before.text !== manifest) findings.push({ path: manifestName, status: "stale" });
  const kept = before.manifest === null ? [] : foreignEntries(ops, directory, new Set([...ours, ...wanted]));
  return { directory, findings: findings.sort(byPath), kept };
}

async function measure(
  contents: string | Uint8Array | AsyncIterable<Uint8Array>,
): Promise<{ readonly size: number; readonly sha256: string }> {
  const hash = createHash("sha256");
  let size = 0;
  const whole = typeof contents === "string" ? Buffer.from(contents) : contents;
  for await (const part of whole instanceof Uint8Array ? [whole] : whole) {
    hash.update(part);
    size += part.length;
  }
  return { size, sha256: hash.digest("hex") };
}

const codes = { stale: "output-stale", missing: "output-missing", extra: "output-extra" } as const;

/** The findings as diagnostics, for a command that answers with exit code 1. */
export const findingDiagnostics = ({ directory, findings }: Checked): readonly Diagnostic[] =>
  findings.flatMap(({ path: file, status }) =>
    status in codes
      ? [error(codes[status as keyof typeof codes], { file: path.join(directory, file), offset: null })]
      : [],
  );
