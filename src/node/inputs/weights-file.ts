import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { type FilePlace, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error, withNote } from "../../diagnostics/messages.ts";
import type { ByteSource } from "../../weights/formats/source.ts";
import { pieceBytes } from "../../weights/pieces.ts";
import { type FileSource, openSource } from "../files/byte-source.ts";
import { contains } from "../files/contains.ts";
import { errnoOf, ioError } from "../files/errno.ts";

/** A file of weights, or an index and those of its shards that have been asked for. */
export interface WeightsFile extends FileSource {
  readonly beside: NonNullable<ByteSource["beside"]>;
  /**
   * SHA-256 in hex, worked out once, which reads everything. Where shards have been opened it is that of what
   * `sha256sum` prints of them in the order of their names, so that it is known without the index.
   */
  sha256(): Promise<string>;
}

/** Opens a file of weights; closing it closes its shards. */
export async function openWeightsFile(file: string): Promise<Result<WeightsFile>> {
  const main = await openSource(file);
  if (!main.ok) return main;
  const shards = new Map<string, Shard>();
  let hash: Promise<string> | null = null;
  return ok({
    ...main.value,
    beside: (shard, from) => openShard(file, shard, from, shards),
    sha256: () => {
      hash ??= shards.size === 0 ? sha256Of(main.value) : sha256OfAll(shards);
      return hash;
    },
    close: async () => {
      for (const source of [main.value, ...[...shards.values()].map(({ source }) => source)]) await source.close();
    },
  });
}

/** A shard and the file that it is, whatever links and the case of letters make of its name. */
interface Shard {
  readonly source: FileSource;
  readonly identity: string;
}

/** Shards lie in the folder of their index or below it, by their paths and by where links lead. */
async function openShard(
  index: string,
  shard: string,
  from: FilePlace,
  shards: Map<string, Shard>,
): Promise<Result<FileSource>> {
  const folder = path.dirname(index);
  const file = path.join(folder, shard);
  try {
    const [root, real] = [await fs.realpath(folder), await fs.realpath(file)];
    if (!contains(root, real)) {
      const hint = "copy the files that the links lead to into one folder, as cp -L does";
      return fail(withNote(error("shard-outside", from, shard, real), hint));
    }
    const { dev, ino } = await fs.stat(real, { bigint: true });
    const identity = `${dev}:${ino}`;
    const other = [...shards].find(([, before]) => before.identity === identity);
    if (other !== undefined) return fail(error("shard-twice", from, shard, other[0]));
    // The place that was checked is what is read, under the name that its user knows.
    const opened = await openSource(real, file);
    if (opened.ok) shards.set(shard, { source: opened.value, identity });
    return opened;
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return fail(error("shard-missing", from, shard));
    return fail(ioError(cause, file, "read it"));
  }
}

async function sha256Of(source: ByteSource): Promise<string> {
  const hash = createHash("sha256");
  for (let at = 0; at < source.size; at += pieceBytes)
    hash.update(await source.read(at, Math.min(pieceBytes, source.size - at)));
  return hash.digest("hex");
}

async function sha256OfAll(shards: ReadonlyMap<string, Shard>): Promise<string> {
  const hash = createHash("sha256");
  const sorted = [...shards].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, { source }] of sorted) hash.update(`${await sha256Of(source)}  ${name}\n`);
  return hash.digest("hex");
}
