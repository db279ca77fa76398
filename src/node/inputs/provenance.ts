import type { WeightsFile } from "./weights-file.ts";

/** Where weights come from, the same on every machine: what the manifest of an output says. */
export interface Provenance {
  /** The file's name without its folder. */
  readonly file: string;
  readonly sha256: string;
  /** As the file itself states it; left out where it does not. */
  readonly license?: string;
}

/** Reads the whole file, if nobody has asked for its hash before. Rejects where the source does. */
export async function provenanceOf(source: WeightsFile, license: string | undefined): Promise<Provenance> {
  const file = source.name.split(/[\\/]/).at(-1) ?? source.name;
  return { file, sha256: await source.sha256(), ...(license === undefined ? {} : { license }) };
}
