import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { cnxc } from "../../support/cli.ts";
import { fill, newFolder } from "../../support/folders.ts";

const spec = `model plain { depths [1]  dims [6]  input 16x12x3  head features }
model masks { depths [1]  dims [6]  input 16x16x3  stem patch 2  head fcmae { patch_size 4 } }
`;

const compile = async (...words: readonly string[]) => {
  const folder = newFolder();
  fill(folder, { "m.cnx": spec });
  const { code, stderr } = await cnxc(["compile", "m.cnx", "--any-size", "-o", "out", ...words], { cwd: folder });
  const out = path.join(folder, "out");
  return { code, stderr, files: fs.existsSync(out) ? fs.readdirSync(out, { recursive: true, encoding: "utf8" }) : [] };
};

describe("compile --any-size", () => {
  test("writes a graph of any size", async () => {
    const { code, stderr, files } = await compile("-m", "plain", "-t", "onnx", "-w", "random:1");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(files).toContain("plain/onnx/model.onnx");
  });

  test.each([
    [["-m", "plain"], "any-size-kernels", "kernels of wgsl and cuda are made for images of one size"],
    [["-m", "plain", "-t", "wgsl"], "any-size-kernels", "give --target onnx"],
    [["-m", "masks", "-t", "onnx"], "any-size-misplaced", "head fcmae, whose mask is of so many patches"],
    [["-m", "plain", "-t", "onnx", "--preprocess"], "any-size-misplaced", "leave out --any-size"],
  ])("says why not: %s", async (words, error, why) => {
    const { code, stderr, files } = await compile(...words);
    expect({ code, files }).toEqual({ code: 2, files: [] });
    expect(stderr).toContain(`error[E_USAGE/${error}]`);
    expect(stderr).toContain(why);
  });
});
