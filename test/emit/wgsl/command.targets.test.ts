import { readdirSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { f32Tensor } from "../../../src/weights/formats/safetensors.ts";
import { cnxc } from "../../support/cli.ts";
import { fill, newFolder } from "../../support/folders.ts";
import { full } from "../../support/full.ts";
import { type Golden, goldenInput, goldenParams, goldenWeights, readGolden } from "../../support/golden.ts";
import { goldenSpecText } from "../../support/golden-spec.ts";
import { readTensors, writeTensors } from "../../support/tensors.ts";
import { expectLogits, expectTap, limitsOf, type Recorded } from "../../support/tolerance.ts";
import { hasSwiftShader } from "../../support/webgpu-process.ts";

interface Dense {
  readonly taps: Record<string, Recorded>;
  readonly logits: { readonly shape: readonly number[]; readonly values: number[] };
}

/** Spec, weights and input of a golden file, as files in a new folder. */
async function files(golden: Golden): Promise<string> {
  const folder = newFolder();
  fill(folder, { "golden.cnx": goldenSpecText(golden, "golden") });
  const weights = goldenWeights(golden);
  const params = goldenParams(golden);
  await writeTensors(
    path.join(folder, "weights.safetensors"),
    params.map(({ name, shape }) => f32Tensor(name, shape, () => weights.f32(name))),
  );
  const { shape, values } = goldenInput(golden);
  await writeTensors(path.join(folder, "input.safetensors"), [f32Tensor("pixel_values", shape, () => values)]);
  return folder;
}

const options = readdirSync(new URL("../../golden/options", import.meta.url)).map(
  file => `options/${file.replace(".json", "")}`,
);
const on = {
  webgpu: ["--on", "webgpu", "--adapter", "swiftshader"],
  onnx: ["--on", "onnx"],
  reference: ["--on", "reference"],
} as const;
/** SwiftShader compiles the kernels of a run for some seconds, and nothing of them is kept. */
const onWebgpu = /micro-(64x64|v1)/;
/** The reference is float64 in plain loops: a published size takes it too long. */
const onReference = /micro|stages/;
const cases = ["dense/micro-64x64-b2", ...options, "dense/atto-96x160-b1"].flatMap(file => [
  ...(hasSwiftShader && (full || onWebgpu.test(file)) ? [{ file, executor: "webgpu" as const }] : []),
  ...(onReference.test(file) ? [{ file, executor: "reference" as const }] : []),
  { file, executor: "onnx" as const },
]);

describe("`cnxc run` gives PyTorch's numbers", () => {
  test.each(cases)("$file on $executor", async ({ file, executor }) => {
    const golden = readGolden<Dense>(file);
    const folder = await files(golden);
    const taps = Object.keys(golden.taps).filter(name => /^stages\.\d+$/.test(name));
    const inputs = ["-w", "weights.safetensors", "-i", "input.safetensors"];
    const words = ["run", "golden.cnx", ...on[executor], ...inputs, "--out", "out.safetensors"];
    const ran = await cnxc([...words, "--taps", taps.join(",")], { cwd: folder });
    expect(ran).toMatchObject({ code: 0 });
    expect(ran.stderr).toMatch(/ran on .* in [\d.]+ ms/);
    const found = await readTensors(path.join(folder, "out.safetensors"));
    expect([...found.keys()].sort()).toEqual(["logits", ...taps].sort());
    expect(found.get("logits")?.shape).toEqual([golden.input.shape[0], golden.spec.num_classes]);
    const limits = limitsOf(golden.name);
    expectLogits(found.get("logits")?.data ?? [], golden.logits.values, limits);
    for (const name of taps) {
      const recorded = golden.taps[name] as Recorded;
      expect(found.get(name)?.shape, name).toEqual(recorded.shape);
      expectTap(name, found.get(name)?.data ?? [], recorded, limits);
    }
  });
});
