import { capped } from "../../diagnostics/capped.ts";
import { type Diagnostic, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { invariant } from "../../diagnostics/invariant.ts";
import { error } from "../../diagnostics/messages.ts";
import { eachPiece } from "../pieces.ts";
import { piecesOf, type Tensor, type TensorFile } from "../tensor.ts";
import { type Index, readIndex } from "./index-file.ts";
import type { ByteSource } from "./source.ts";

/** Bytes an index may have: 65,536 tensors with long names have fewer. */
export const maxIndex = 16 << 20;

type ReadFile = (source: ByteSource) => Promise<Result<TensorFile>>;

/**
 * The tensors of several files as those of one: what `*.index.json` names, each shard a file of any kind that holds
 * tensors. Index and shards must say the same: every tensor is in the shard the index gives, and nowhere else.
 * Tensors stand in the order of the index; metadata are those that all shards state alike. Rejects only where a source
 * does.
 */
export async function readShards(source: ByteSource, readFile: ReadFile): Promise<Result<TensorFile>> {
  const { name: file, size } = source;
  if (size > maxIndex) return fail(error("index-limit-bytes", { file, offset: 0 }, size, maxIndex));
  const index = readIndex(file, await source.read(0, size));
  if (!index.ok) return index;
  if (source.beside === undefined) return fail(error("index-alone", { file, offset: null }));
  const files = new Map<string, TensorFile>();
  const said: Diagnostic[] = [];
  for (const { path, place } of index.value.shards) {
    const opened = await source.beside(path, place);
    const read = opened.ok ? await readFile(opened.value) : opened;
    said.push(...read.diagnostics);
    if (!read.ok) return fail(...said);
    // Told shard by shard, so that no more than one can hold tensors the index knows nothing of.
    const wrong = disagreeing(index.value, path, read.value);
    if (wrong.length > 0) return fail(...capped(wrong));
    files.set(path, read.value);
  }
  return ok(joinedFile(file, index.value, files), said);
}

/** What an index and one of its shards say differently. */
function disagreeing({ tensors }: Index, path: string, file: TensorFile): readonly Diagnostic[] {
  const wrong: Diagnostic[] = [];
  for (const { name, place } of file.tensors.values()) {
    const owner = tensors.get(name)?.shard.path;
    if (owner === undefined) wrong.push(error("shard-extra", place, name));
    else if (owner !== path) wrong.push(error("shard-other", place, name, owner));
  }
  for (const [name, { shard, place }] of tensors)
    if (shard.path === path && !file.tensors.has(name)) wrong.push(error("shard-lacks", place, name, path));
  return wrong;
}

function joinedFile(name: string, { tensors }: Index, files: ReadonlyMap<string, TensorFile>): TensorFile {
  const fileOf = (tensor: string): TensorFile => {
    const file = files.get(tensors.get(tensor)?.shard.path ?? "");
    invariant(file !== undefined, `no tensor '${tensor}' in ${name}`);
    return file;
  };
  const [first, ...others] = files.values();
  const shared = [...(first?.metadata ?? [])].filter(([key, value]) =>
    others.every(({ metadata }) => metadata.get(key) === value),
  );
  return {
    name,
    tensors: new Map([...tensors.keys()].map(tensor => [tensor, fileOf(tensor).tensors.get(tensor) as Tensor])),
    metadata: new Map(shared),
    bytes: tensor => fileOf(tensor).bytes(tensor),
    parts: async function* (tensor) {
      yield* eachPiece(await piecesOf(fileOf(tensor), tensor));
    },
  };
}
