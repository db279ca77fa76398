import { createHash } from "node:crypto";
import { pieceBytes } from "../weights/pieces.ts";
import type { ByteSource } from "../weights/source.ts";

/** Where weights come from, the same on every machine: what the manifest of an output says. */
export interface Provenance {
  /** The file's name without its folder. */
  readonly file: string;
  readonly sha256: string;
  /** As the file itself states it; left out where it does not. */
  readonly license?: string;
}

/** Reads the whole file once, in pieces. Rejects where the source does. */
export async function provenanceOf(source: ByteSource, license: string | undefined): Promise<Provenance> {
  const hash = createHash("sha256");
  for (let at = 0; at < source.size; at += pieceBytes)
    hash.update(await source.read(at, Math.min(pieceBytes, source.size - at)));
  const file = source.name.split(/[\\/]/).at(-1) ?? source.name;
  return { file, sha256: hash.digest("hex"), ...(license === undefined ? {} : { license }) };
}
