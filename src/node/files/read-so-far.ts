import * as fs from "node:fs";
import * as path from "node:path";
import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";

/** Files that this process has read for its work: where they really are, and what the user calls them. */
const read = new Map<string, string>();

/** A command begins. */
export const forgetReads = (): void => read.clear();

export const noteRead = (file: string, name: string): void => void read.set(placeOf(file), name);

/** What a thread has read, for whom it worked. */
export const readSoFar = (): ReadonlyMap<string, string> => read;
export const noteAll = (others: ReadonlyMap<string, string>): void => {
  for (const [file, name] of others) read.set(file, name);
};

/** Why a result may not be written over `file`, or null: `inputs` or what was read so far may stand there. */
export function overInput(file: string, inputs: readonly string[] = []): Diagnostic | null {
  const names = new Map([...read, ...inputs.map(input => [placeOf(input), input] as const)]);
  // Renaming replaces a link itself, which may be how the input is named.
  const name = names.get(placeOf(file)) ?? names.get(namedPlace(file));
  return name === undefined ? null : error("result-over-input", { file, offset: null }, name);
}

/** Links followed to the end, or as far as there is something. */
function placeOf(file: string): string {
  try {
    return fs.realpathSync.native(file);
  } catch {
    return namedPlace(file);
  }
}

/** The name itself, in the folder that it really lies in. */
function namedPlace(file: string): string {
  const full = path.resolve(file);
  try {
    return path.join(fs.realpathSync.native(path.dirname(full)), path.basename(full));
  } catch {
    return full;
  }
}
