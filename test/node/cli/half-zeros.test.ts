import { writeFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { messages } from "../../../src/diagnostics/messages.ts";
import { f32Tensor, writeSafetensors } from "../../../src/weights/formats/safetensors.ts";
import { cnxc } from "../../support/cli.ts";
import { fill, newFolder } from "../../support/folders.ts";
import { model, mustBuild, testInput, testWeights } from "../../support/models.ts";

const spec = "model m { depths [1, 1] dims [8, 16] input 32x32x3 head classifier { classes 10 } }\n";
const small = "stages.0.0.pwconv1.weight";

/** Weights of `spec` of which one tensor is all of one value, and an image. */
async function files(value: number): Promise<string> {
  const m = model({});
  const graph = mustBuild(m);
  const weights = testWeights(graph, 1);
  const tensors = [...graph.nodes.values()].flatMap(({ id, op, type }) =>
    op !== "param"
      ? []
      : [
          f32Tensor(id, type.shape as number[], async () =>
            id === small ? (await weights.f32(id)).map(() => value) : weights.f32(id),
          ),
        ],
  );
  const image = f32Tensor("pixel_values", [1, 3, 32, 32], () => testInput(m, 1, 1));
  const folder = newFolder();
  fill(folder, { "m.cnx": spec });
  for (const [name, list] of [
    ["w.safetensors", tensors],
    ["x.safetensors", [image]],
  ] as const) {
    const parts: Uint8Array[] = [];
    for await (const part of writeSafetensors(list)) parts.push(part);
    writeFileSync(path.join(folder, name), Buffer.concat(parts));
  }
  return folder;
}

const told = (stderr: string): readonly string[] => stderr.match(/weights-underflow\]: .*/g) ?? [];
const said = `weights-underflow]: ${messages["weights-underflow"].text(small, 256, 256, "F16")}`;

describe("W16: values that f16 makes zero are told by whatever makes f16 of them", () => {
  const make: Readonly<Record<string, readonly string[]>> = {
    "compile -t onnx": ["compile", "m.cnx", "-o", "out", "-t", "onnx", "-w"],
    "compile -t wgsl": ["compile", "m.cnx", "-o", "out", "-t", "wgsl", "-w"],
    "compile -t cuda": ["compile", "m.cnx", "-o", "out", "-t", "cuda", "-w"],
    "compile for all targets, once": ["compile", "m.cnx", "-o", "out", "-w"],
    "run --on onnx": ["run", "m.cnx", "--on", "onnx", "-i", "x.safetensors", "--out", "out", "-w"],
    "verify --on onnx": ["verify", "m.cnx", "--on", "onnx", "-w"],
  };
  test.each(Object.keys(make))("%s", async name => {
    const [folder, ordinary] = [await files(1e-9), await files(1e-3)];
    const words = [...(make[name] ?? []), "w.safetensors"];
    const half = await cnxc([...words, "--dtype", "f16"], { cwd: folder });
    expect([told(half.stderr), half.stderr]).toEqual([[said], expect.any(String)]);
    expect(told((await cnxc(words, { cwd: folder })).stderr)).toEqual([]);
    expect(told((await cnxc([...words, "--dtype", "f16"], { cwd: ordinary })).stderr)).toEqual([]);
  });

  test("weights convert", async () => {
    const folder = await files(1e-9);
    const words = ["weights", "convert", "w.safetensors", "-o", "half.safetensors", "--dtype", "f16"];
    expect(told((await cnxc(words, { cwd: folder })).stderr)).toEqual([said]);
  });
});
