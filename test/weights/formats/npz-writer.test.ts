import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { writeNpz } from "../../../src/weights/formats/npz-writer.ts";
import { f32Tensor } from "../../../src/weights/formats/safetensors.ts";
import { memorySource } from "../../../src/weights/formats/source.ts";
import { readTensorFile } from "../../../src/weights/formats/tensor-file.ts";
import { readF32, type TensorData } from "../../../src/weights/tensor.ts";
import { newFolder } from "../../support/folders.ts";

const values = (count: number): Float32Array => Float32Array.from({ length: count }, (_, i) => Math.sin(i));
const double = Float64Array.of(0.1, -2);
const tensors: readonly TensorData[] = [
  f32Tensor("logits", [2, 3], () => values(6)),
  f32Tensor("stages.0.0", [1, 2, 3, 4], () => values(24)),
  f32Tensor("loss", [1], () => Float32Array.of(Number.NaN)),
  f32Tensor("scalar", [], () => Float32Array.of(7)),
  f32Tensor("leer ü", [0, 5], () => new Float32Array()),
  { name: "double", dtype: "F64", shape: [2], bytes: async () => new Uint8Array(double.buffer) },
];

const archive = async (): Promise<Uint8Array> => {
  const parts: Uint8Array[] = [];
  for await (const part of writeNpz(tensors)) parts.push(part);
  return new Uint8Array(Buffer.concat(parts));
};

test("an .npz is read back as it was, by the reader that takes nothing else than what numpy writes", async () => {
  const read = await readTensorFile(memorySource("o.npz", await archive()));
  expect(read.diagnostics).toEqual([]);
  if (!read.ok) return;
  const found = [...read.value.tensors.values()].map(({ name, dtype, shape }) => [name, dtype, shape]);
  expect(found).toEqual(tensors.map(({ name, dtype, shape }) => [name, dtype, shape]));
  expect(await readF32(read.value, "stages.0.0")).toEqual(values(24));
  expect(Buffer.compare(await archive(), await archive())).toBe(0);
});

const hasNumpy = spawnSync("python3", ["-c", "import numpy"], { stdio: "ignore" }).status === 0;
test.runIf(hasNumpy)("numpy.load reads it", async () => {
  const file = path.join(newFolder(), "o.npz");
  writeFileSync(file, await archive());
  const program = `
import json, sys, numpy
z = numpy.load(sys.argv[1], allow_pickle=False)
print(json.dumps({k: [str(z[k].dtype), list(z[k].shape), [repr(float(x)) for x in z[k].ravel()]] for k in z.files}))
`;
  const { stdout, stderr } = spawnSync("python3", ["-c", program, file], { encoding: "utf8" });
  expect(stderr).toBe("");
  const found = JSON.parse(stdout);
  expect(Object.keys(found)).toEqual(tensors.map(({ name }) => name));
  expect(found.logits.slice(0, 2)).toEqual(["float32", [2, 3]]);
  expect(found.logits[2].map(Number)).toEqual([...values(6)]);
  expect([found.loss, found.scalar[1], found["leer ü"][1]]).toEqual([["float32", [1], ["nan"]], [], [0, 5]]);
  expect(found.double).toEqual(["float64", [2], ["0.1", "-2.0"]]);
});
