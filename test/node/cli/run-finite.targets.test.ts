import { existsSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { f32Tensor, readSafetensors, writeSafetensors } from "../../../src/weights/formats/safetensors.ts";
import { memorySource } from "../../../src/weights/formats/source.ts";
import { generatorTensor } from "../../../src/weights/made/generator.ts";
import { readF32 } from "../../../src/weights/tensor.ts";
import { cnxc } from "../../support/cli.ts";
import { newFolder } from "../../support/folders.ts";
import { hasSwiftShader } from "../../support/webgpu-process.ts";

const size = 3 * 64 * 64;

/** Two images, the first with one pixel of that value. */
async function runWith(value: number, on: string, words: readonly string[] = []) {
  const folder = newFolder();
  const [input, out] = [path.join(folder, "in.safetensors"), path.join(folder, "out.safetensors")];
  const images = generatorTensor(1, "input", 2 * size, 0, 1.7);
  images[1000] = value;
  const parts: Uint8Array[] = [];
  for await (const part of writeSafetensors([f32Tensor("pixel_values", [2, 3, 64, 64], () => images)]))
    parts.push(part);
  writeFileSync(input, Buffer.concat(parts));
  const ran = await cnxc([
    "run",
    "specs/micro.cnx",
    "-m",
    "micro",
    "--on",
    on,
    "-w",
    "random:1",
    "-i",
    input,
    "--out",
    out,
    ...words,
  ]);
  if (!existsSync(out)) return { ...ran, logits: null };
  const file = await readSafetensors(memorySource("out", readFileSync(out)));
  return { ...ran, logits: file.ok ? [...(await readF32(file.value, "logits"))] : null };
}

describe.each(["reference", "onnx", ...(hasSwiftShader ? ["webgpu"] : [])])(
  "R26, R28: a pixel that is not finite, on %s",
  on => {
    test.each([Number.NaN, Number.POSITIVE_INFINITY])("%d: its image is not finite, the other is", async value => {
      const { logits, code } = await runWith(value, on);
      expect(code).toBe(0);
      const classes = (logits?.length ?? 0) / 2;
      expect(logits?.slice(0, classes).every(Number.isNaN)).toBe(true);
      expect(logits?.slice(classes).every(Number.isFinite)).toBe(true);
    });

    test("--check-finite makes it an error that names the output, and writes nothing", async () => {
      const { logits, stderr, code } = await runWith(Number.NaN, on, ["--check-finite"]);
      expect(stderr).toMatch(/E_R_NONFINITE\/nonfinite-output.*output 'logits' holds \d+ values that are not finite/);
      expect([logits, code]).toEqual([null, 7]);
      expect((await runWith(1, on, ["--check-finite"])).code).toBe(0);
    });
  },
);
