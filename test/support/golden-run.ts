import { readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { f32Tensor, readSafetensors, writeSafetensors } from "../../src/weights/formats/safetensors.ts";
import { memorySource } from "../../src/weights/formats/source.ts";
import { readF32 } from "../../src/weights/tensor.ts";
import { cnxc } from "./cli.ts";
import type { CliResult } from "./cli-process.ts";
import { fill, newFolder } from "./folders.ts";
import { type Golden, goldenInput, goldenParams, goldenWeights } from "./golden.ts";
import { goldenSpecText } from "./golden-spec.ts";

export interface GoldenRun {
  readonly cli: CliResult;
  /** Empty where the command failed. */
  readonly outputs: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;
}

/** A model of another kind than the dense ones: its text, and the masks that it takes. */
export interface GoldenModel {
  readonly spec: string;
  readonly mask: readonly (readonly number[])[];
}

/** `cnxc run` on a golden file: its spec, weights and input as a user has them, as files. */
export async function goldenRun(
  golden: Golden,
  words: readonly string[],
  { given, env = {} }: { readonly given?: GoldenModel; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<GoldenRun> {
  const folder = newFolder();
  const at = (name: string) => path.join(folder, name);
  fill(folder, { "golden.cnx": given?.spec ?? goldenSpecText(golden, "golden") });
  const weights = goldenWeights(golden);
  const params = goldenParams(golden);
  const { shape, values } = goldenInput(golden);
  await write(
    at("weights.safetensors"),
    params.map(({ name, shape }) => f32Tensor(name, shape, () => weights.f32(name))),
  );
  const mask = given?.mask ?? [];
  const masks = [f32Tensor("mask", [mask.length, mask[0]?.length ?? 0], () => Float32Array.from(mask.flat()))];
  const inputs = [f32Tensor("pixel_values", shape, () => values), ...(given ? masks : [])];
  await write(at("input.safetensors"), inputs);
  const tensors = ["-w", "weights.safetensors", "-i", "input.safetensors", "--out", "out.safetensors"];
  const cli = await cnxc(["run", "golden.cnx", ...tensors, ...words], { cwd: folder, env });
  return { cli, outputs: cli.code === 0 ? await read(at("out.safetensors")) : new Map() };
}

async function write(file: string, tensors: Parameters<typeof writeSafetensors>[0]): Promise<void> {
  const parts: Uint8Array[] = [];
  for await (const part of writeSafetensors(tensors)) parts.push(part);
  writeFileSync(file, Buffer.concat(parts));
}

async function read(file: string): Promise<GoldenRun["outputs"]> {
  const found = await readSafetensors(memorySource(file, readFileSync(file)));
  if (!found.ok) throw new Error(found.diagnostics[0]?.message);
  const entries = [...found.value.tensors].map(
    async ([name, { shape }]) => [name, { shape, data: await readF32(found.value, name) }] as const,
  );
  return new Map(await Promise.all(entries));
}
