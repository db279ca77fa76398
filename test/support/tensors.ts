import { readFileSync, writeFileSync } from "node:fs";
import { readSafetensors, writeSafetensors } from "../../src/weights/formats/safetensors.ts";
import { memorySource } from "../../src/weights/formats/source.ts";
import { readF32 } from "../../src/weights/tensor.ts";

/** Writes tensors as a file, as a user has them. */
export async function writeTensors(file: string, tensors: Parameters<typeof writeSafetensors>[0]): Promise<void> {
  const parts: Uint8Array[] = [];
  for await (const part of writeSafetensors(tensors)) parts.push(part);
  writeFileSync(file, Buffer.concat(parts));
}

/** What a file says of itself. */
export async function metadataOf(file: string): Promise<Readonly<Record<string, string>>> {
  const found = await readSafetensors(memorySource(file, readFileSync(file)));
  if (!found.ok) throw new Error(found.diagnostics[0]?.message);
  return Object.fromEntries(found.value.metadata);
}

/** What a file holds, by name. */
export async function readTensors(
  file: string,
): Promise<ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>> {
  const found = await readSafetensors(memorySource(file, readFileSync(file)));
  if (!found.ok) throw new Error(found.diagnostics[0]?.message);
  const { tensors } = found.value;
  const entries = [...tensors].map(async ([name, { shape }]) => {
    return [name, { shape, data: await readF32(found.value, name) }] as const;
  });
  return new Map(await Promise.all(entries));
}
