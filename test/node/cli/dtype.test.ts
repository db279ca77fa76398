import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { resolve } from "../../../src/graph/graph.ts";
import { openSource } from "../../../src/node/files/byte-source.ts";
import { f32Tensor, readSafetensors, writeSafetensors } from "../../../src/weights/formats/safetensors.ts";
import { readF32 } from "../../../src/weights/tensor.ts";
import { cnxc } from "../../support/cli.ts";
import { fill, newFolder } from "../../support/folders.ts";
import { model, mustBuild, testInput, testWeights } from "../../support/models.ts";
import { relL2 } from "../../support/tolerance.ts";

const spec =
  "model tiny {\n  depths [1, 1]\n  dims   [8, 16]\n  input  32x32x3\n  head   classifier { classes 10 }\n}\n";
const tiny = model({});
const graph = mustBuild(tiny);

/** Spec, weights and input; `change` may spoil a weight. */
async function project(change: (name: string, values: Float32Array) => void = () => {}): Promise<string> {
  const folder = newFolder();
  fill(folder, { "tiny.cnx": spec });
  const weights = testWeights(graph, 5);
  const tensors = [];
  for (const { id, op, type } of graph.nodes.values()) {
    if (op !== "param") continue;
    const values = (await weights.f32(id)).slice();
    change(id, values);
    tensors.push(f32Tensor(id, resolve(type.shape, 1), () => values));
  }
  const input = f32Tensor("pixel_values", [1, 3, 32, 32], () => testInput(tiny, 1, 5));
  for (const [file, list] of [
    ["w.safetensors", tensors],
    ["in.safetensors", [input]],
  ] as const) {
    const parts: Uint8Array[] = [];
    for await (const part of writeSafetensors(list)) parts.push(part);
    writeFileSync(path.join(folder, file), Buffer.concat(parts));
  }
  return folder;
}

const filesIn = (folder: string) => readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
const compile = ["compile", "tiny.cnx", "-w", "w.safetensors", "-o", "out"];

describe("--dtype f16 of ONNX graphs", () => {
  test("one call writes f32 and f16 side by side, and f32 is what it is alone", async () => {
    const folder = await project();
    const both = await cnxc([...compile, "-t", "onnx", "--dtype", "f32,f16"], { cwd: folder });
    expect([both.code, both.stderr]).toEqual([0, ""]);
    expect(filesIn(path.join(folder, "out/tiny/onnx"))).toEqual(["model.onnx", "model_fp16.onnx"]);
    const bytes = readFileSync(path.join(folder, "out/tiny/onnx/model.onnx"));
    expect((await cnxc([...compile, "-t", "onnx"], { cwd: folder })).code).toBe(0);
    expect(filesIn(path.join(folder, "out/tiny/onnx"))).toEqual(["model.onnx"]);
    expect(Buffer.compare(readFileSync(path.join(folder, "out/tiny/onnx/model.onnx")), bytes)).toBe(0);
  });

  test.each([
    ["wgsl", "tiny.ts"],
    ["cuda", "cuda/device.h"],
    ["onnx --layout huggingface", "config.json"],
  ])("a second type whose files have the same names goes into a folder of its own: %s", async (target, file) => {
    const folder = await project();
    const words = [...compile, "-t", ...target.split(" "), "--dtype"];
    const at = path.join(folder, "out/tiny");
    const made = async (dtypes: string) => {
      const { code, stderr } = await cnxc([...words, dtypes], { cwd: folder });
      expect([code, stderr]).toEqual([0, ""]);
      const files = filesIn(at).filter(one => statSync(path.join(at, one)).isFile());
      return new Map(files.map(one => [one, readFileSync(path.join(at, one)).toString("hex")]));
    };
    const [wide, half, both] = [await made("f32"), await made("f16"), await made("f32,f16")];
    const inside = [...half].map(([one, text]) => [path.join("f16", one), text] as const);
    expect(both.has(file) && both.has(`f16/${file}`)).toBe(true);
    expect([...both].sort()).toEqual([...wide, ...inside].sort());
    expect((await cnxc(["verify", "out"], { cwd: folder })).code).toBe(0);
    const listed = await cnxc([...words, "f32,f16", "--emit", "files"], { cwd: folder });
    expect(listed.stdout.split("\n")).toContain(`tiny/f16/${file}`);
  });

  test("bf16 is refused with what there is", async () => {
    const { code, stderr } = await cnxc([...compile, "-t", "onnx", "--dtype", "bf16"], { cwd: await project() });
    expect(code).toBe(5);
    expect(stderr).toContain("the onnx target stores f32 and f16, not bf16\n");
  });

  const run = ["run", "tiny.cnx", "-w", "w.safetensors", "-i", "in.safetensors", "--on", "onnx", "--out"];

  test("run gives nearly the same numbers", async () => {
    const folder = await project();
    const logits = async (words: readonly string[], file: string) => {
      const { code, stderr } = await cnxc([...run, file, ...words], { cwd: folder });
      expect(code, stderr).toBe(0);
      expect(stderr).toContain("ran on ONNX Runtime (CPU)");
      const source = await openSource(path.join(folder, file));
      const read = source.ok ? await readSafetensors(source.value) : source;
      if (!read.ok || !source.ok) throw new Error(read.diagnostics[0]?.message);
      const values = await readF32(read.value, "logits");
      await source.value.close();
      return values;
    };
    const off = relL2(await logits(["--dtype", "f16"], "half.safetensors"), await logits([], "wide.safetensors"));
    expect(off).toBeGreaterThan(1e-5);
    expect(off).toBeLessThan(5e-3);
  });

  test("a weight that f16 lacks stops both, and writes nothing", async () => {
    const folder = await project((name, values) => {
      if (name === "stages.0.0.dwconv.weight") values[7] = 1e5;
    });
    const said =
      "error[E_W_RANGE/beyond-half]: value 7 of 'stages.0.0.dwconv.weight' is 100000, but f16 ends at 65504; ";
    for (const words of [
      [...compile, "-t", "onnx"],
      [...run, "y.safetensors"],
    ]) {
      const { code, stderr } = await cnxc([...words, "--dtype", "f16"], { cwd: folder });
      expect(code).toBe(4);
      expect(stderr).toContain(said);
      expect((await cnxc(words, { cwd: folder })).code).toBe(0);
    }
  });
});
