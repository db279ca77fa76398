import * as path from "node:path";
import { f32Tensor } from "../../src/weights/formats/safetensors.ts";
import { cnxc } from "./cli.ts";
import type { CliResult } from "./cli-process.ts";
import { fill, newFolder } from "./folders.ts";
import { type Golden, goldenInput, goldenParams, goldenWeights } from "./golden.ts";
import { goldenSpecText } from "./golden-spec.ts";
import { readTensors, writeTensors } from "./tensors.ts";

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
  {
    given,
    besides = [],
    env = {},
  }: {
    readonly given?: GoldenModel;
    /** Inputs besides the image and the mask. */
    readonly besides?: Parameters<typeof writeTensors>[1];
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): Promise<GoldenRun> {
  const folder = newFolder();
  const at = (name: string) => path.join(folder, name);
  fill(folder, { "golden.cnx": given?.spec ?? goldenSpecText(golden, "golden") });
  const weights = goldenWeights(golden);
  const params = goldenParams(golden);
  const { shape, values } = goldenInput(golden);
  await writeTensors(
    at("weights.safetensors"),
    params.map(({ name, shape }) => f32Tensor(name, shape, () => weights.f32(name))),
  );
  const mask = given?.mask ?? [];
  const masks = [f32Tensor("mask", [mask.length, mask[0]?.length ?? 0], () => Float32Array.from(mask.flat()))];
  const inputs = [f32Tensor("pixel_values", shape, () => values), ...(given ? masks : []), ...besides];
  await writeTensors(at("input.safetensors"), inputs);
  const tensors = ["-w", "weights.safetensors", "-i", "input.safetensors", "--out", "out.safetensors"];
  const cli = await cnxc(["run", "golden.cnx", ...tensors, ...words], { cwd: folder, env });
  return { cli, outputs: cli.code === 0 ? await readTensors(at("out.safetensors")) : new Map() };
}
