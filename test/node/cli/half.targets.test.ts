import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { loadProgram } from "../../../src/node/inputs/program.ts";
import { precisionLimits } from "../../../src/verify/precision-limits.ts";
import { f32Tensor, readSafetensors, writeSafetensors } from "../../../src/weights/formats/safetensors.ts";
import { memorySource } from "../../../src/weights/formats/source.ts";
import { readF32 } from "../../../src/weights/tensor.ts";
import { cnxc } from "../../support/cli.ts";
import { newFolder } from "../../support/folders.ts";
import { mustBuild, testInput, testWeights } from "../../support/models.ts";
import { relL2 } from "../../support/tolerance.ts";
import { hasSwiftShader } from "../../support/webgpu-process.ts";
import { must } from "../../syntax/support.ts";

const spec = ["specs/micro.cnx", "-m", "micro"];

/** micro's weights with one value changed, and a file of inputs. */
async function filesWith(changed: string, value: number) {
  const loaded = loadProgram(path.resolve("specs/micro.cnx"), null, null);
  const model = loaded.ok ? loaded.value.program.models.get("micro") : undefined;
  if (!model) throw new Error("specs/micro.cnx has no micro");
  const graph = mustBuild(model);
  const weights = testWeights(graph, 1);
  const tensors = [...graph.nodes.values()].flatMap(({ id, op, type }) =>
    op !== "param"
      ? []
      : [
          f32Tensor(id, type.shape as number[], async () =>
            (await weights.f32(id)).map((x, i) => (id === changed && i === 7 ? value : x)),
          ),
        ],
  );
  const { channels, height, width } = model.input;
  const image = f32Tensor("pixel_values", [1, channels, height, width], () => testInput(model, 1, 1));
  const folder = newFolder();
  const [file, input] = [path.join(folder, "weights.safetensors"), path.join(folder, "input.safetensors")];
  for (const [name, list] of [
    [file, tensors],
    [input, [image]],
  ] as const) {
    const parts: Uint8Array[] = [];
    for await (const part of writeSafetensors(list)) parts.push(part);
    writeFileSync(name, Buffer.concat(parts));
  }
  return { folder, file, input };
}

describe("weights of an f16 build", () => {
  test.runIf(hasSwiftShader)("travel as f16 where kernels keep them so, and give what the others give", async () => {
    const { folder, file, input } = await filesWith("norm.bias", 0.5);
    const words = ["compile", ...spec, "-t", "wgsl", "--dtype", "f16", "-w", file, "-o", path.join(folder, "out")];
    expect((await cnxc(words)).code).toBe(0);
    const written = path.join(folder, "out", "micro", "weights.safetensors");
    const read = must(await readSafetensors(memorySource("w", new Uint8Array(readFileSync(written)))));
    const types = (dtype: string) =>
      [...read.tensors].filter(([, tensor]) => tensor.dtype === dtype).map(([name]) => name);
    expect(types("F16")).toContain("stages.0.0.pwconv1.weight");
    expect(types("F32")).toContain("norm.bias");
    const logitsOn = async (weights: string) => {
      const out = path.join(folder, `${path.basename(path.dirname(weights))}.safetensors`);
      const run = [
        "run",
        ...spec,
        "--dtype",
        "f16",
        "--adapter",
        "swiftshader",
        "-w",
        weights,
        "-i",
        input,
        "--out",
        out,
      ];
      expect((await cnxc(run)).code).toBe(0);
      return readF32(must(await readSafetensors(memorySource("o", new Uint8Array(readFileSync(out))))), "logits");
    };
    const [exact, narrow] = [await logitsOn(file), await logitsOn(written)];
    // Each is within the limit of f16 of the exact logits, and rounds other numbers.
    expect(relL2(narrow, exact)).toBeLessThan(precisionLimits.f16);
  });
});

describe("weights beyond f16", () => {
  const said = "error[E_W_RANGE/beyond-half]: value 7 of 'stages.0.0.pwconv1.weight' is 70000, but f16 ends at 65504";
  test("stop a compilation before anything is written, where they would be stored so", async () => {
    const { folder, file } = await filesWith("stages.0.0.pwconv1.weight", 70_000);
    const compile = (dtype: string) =>
      cnxc(["compile", ...spec, "-t", "wgsl", "--dtype", dtype, "-w", file, "-o", path.join(folder, `out-${dtype}`)]);
    const half = await compile("f16");
    expect([half.stderr, half.code]).toEqual([expect.stringContaining(said), 4]);
    expect(readdirSync(folder).sort()).toEqual(["input.safetensors", "weights.safetensors"]);
    expect((await compile("f32")).code).toBe(0);
  });

  test.runIf(hasSwiftShader)("stop a run on WebGPU", async () => {
    const { folder, file, input } = await filesWith("stages.0.0.pwconv1.weight", 70_000);
    const ran = await cnxc([
      "run",
      ...spec,
      "--dtype",
      "f16",
      "-w",
      file,
      "-i",
      input,
      "--out",
      path.join(folder, "out"),
    ]);
    expect([ran.stderr, ran.code]).toEqual([expect.stringContaining(said), 4]);
  });
});

describe("--calibrate", () => {
  const calibrate = async (bias: number) => {
    const { folder, file, input } = await filesWith("stages.0.0.pwconv1.bias", bias);
    const words = ["-t", "wgsl", "--dtype", "f16", "-w", file, "--calibrate", input, "-o", path.join(folder, "out")];
    return await cnxc(["compile", ...spec, ...words]);
  };
  test("says the largest value that is stored in 16 bits", async () => {
    const ran = await calibrate(0);
    expect(ran.stderr).toMatch(/micro: the largest value in 16 bits is [\d.]+, of '[\w.]+'; f16 ends at 65504/);
    expect(ran.code).toBe(0);
  });
  test("refuses a model whose activations f16 does not hold, and names the module", async () => {
    const ran = await calibrate(70_000);
    expect(ran.stderr).toMatch(/E_W_RANGE\/activations-beyond-half.*'stages\.0\.0\.pwconv1' reaches 7\.000e\+4/);
    expect(ran.code).toBe(4);
  });
  test.each([
    [["--dtype", "f32", "-w", "random:1"], "a build in f16"],
    [["--dtype", "f16"], "weights: give --weights"],
  ])("%j is not enough", async (words, needed) => {
    const ran = await cnxc(["compile", ...spec, "-t", "wgsl", ...words, "--calibrate", "x.safetensors"]);
    expect([ran.stderr, ran.code]).toEqual([expect.stringContaining(`--calibrate needs ${needed}`), 2]);
  });
});
