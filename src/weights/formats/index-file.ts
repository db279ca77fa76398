import { type FilePlace, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error, withNote } from "../../diagnostics/messages.ts";
import { type Cursor, peek, placeOf, readEnd, readObject, readString, skipValue, stop } from "../../json/cursor.ts";
import { maxTensors } from "./header.ts";
import { weightsJson } from "./json.ts";

/** A shard that an index names. */
export interface Shard {
  /** Relative to the folder of the index: names with one `/` between them, none of which is `.` or `..`. */
  readonly path: string;
  /** Where the index names it first. */
  readonly place: FilePlace;
}

export interface Index {
  /** In the order in which they are first named. */
  readonly shards: readonly Shard[];
  /** For every tensor, in the order of the index: its shard, and where the index names the tensor. */
  readonly tensors: ReadonlyMap<string, { readonly shard: Shard; readonly place: FilePlace }>;
}

export const maxShards = 256;

/** An index as transformers writes it: a JSON object whose `weight_map` gives for every tensor the file it is in. */
export function readIndex(file: string, bytes: Uint8Array): Result<Index> {
  const cursor: Cursor = { file, ...weightsJson("index"), bytes, base: 0, at: 0, failure: null };
  const tensors = new Map<string, { readonly shard: Shard; readonly place: FilePlace }>();
  const spelt = new Map<string, Shard>();
  let mapped = false;
  readObject(cursor, field => {
    if (field !== "weight_map") return skipValue(cursor);
    mapped = true;
    readObject(cursor, (name, at) => {
      const place = placeOf(cursor, at);
      if (tensors.size === maxTensors) stop(cursor, error("weights-limit-tensors", place, maxTensors));
      const shard = readShard(cursor, spelt);
      if (shard !== null) tensors.set(name, { shard, place });
    });
  });
  if (cursor.failure === null) readEnd(cursor);
  if (cursor.failure !== null) return fail(cursor.failure);
  if (!mapped) {
    const hint = "weights are safetensors, .pt, .pth, .npz, or an index such as model.safetensors.index.json";
    return fail(withNote(error("index-no-map", { file, offset: 0 }), hint));
  }
  return ok({ shards: [...spelt.values()], tensors });
}

/** The shard of one tensor; null after a failure. `spelt` holds those before by the text that names them. */
function readShard(cursor: Cursor, spelt: Map<string, Shard>): Shard | null {
  peek(cursor);
  const place = placeOf(cursor, cursor.at);
  const text = readString(cursor, "the name of a shard in double quotes");
  if (cursor.failure !== null) return null;
  const before = spelt.get(text);
  if (before !== undefined) return before;
  const path = text.split("/").filter(part => part !== "" && part !== ".");
  const problem = pathProblem(text, path);
  const other = [...spelt].find(([, shard]) => shard.path === path.join("/"));
  if (problem !== null)
    stop(cursor, withNote(error("shard-path", place, text, problem), "shards lie beside their index"));
  else if (other !== undefined) stop(cursor, error("shard-twice", place, text, other[0]));
  else if (spelt.size === maxShards) stop(cursor, error("index-limit-shards", place, maxShards));
  if (cursor.failure !== null) return null;
  const shard = { path: path.join("/"), place };
  spelt.set(text, shard);
  return shard;
}

/** What is wrong with the path of a shard by its text alone. */
function pathProblem(text: string, parts: readonly string[]): string | null {
  if (parts.length === 0) return "has no name";
  if (text.includes("\0")) return "holds a NUL character";
  if (text.includes("\\")) return "has a '\\'";
  if (/^[A-Za-z][A-Za-z0-9+.-]*:/.test(text)) return "is an address";
  if (text.startsWith("/")) return "is absolute";
  return parts.includes("..") ? "leads out of the folder of the index" : null;
}
