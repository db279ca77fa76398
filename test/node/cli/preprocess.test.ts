import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { build } from "esbuild";
import { describe, expect, test } from "vitest";
import { openOnnx } from "../../../src/node/executors/onnx.ts";
import { seededPicture } from "../../preprocess/pictures.ts";
import { cnxc } from "../../support/cli.ts";
import { newFolder } from "../../support/folders.ts";
import { writePng } from "../../support/png.ts";

const root = path.resolve(import.meta.dirname, "../../..");
const spec = `
model micro {
  depths [1, 1, 2, 1]
  dims   [8, 16, 24, 40]
  input  32x32x3
  head   classifier { classes 7 }
}
model preprocess extends micro { input 32x64x3 }
model grey extends micro { input 32x32x1 }
model rough extends micro { preprocess { interpolation nearest } }
model maps extends micro { head features { levels [1] } }
`;

function project(): string {
  const folder = newFolder();
  fs.writeFileSync(path.join(folder, "m.cnx"), spec);
  return folder;
}
const compile = (folder: string, ...words: readonly string[]) =>
  cnxc(["compile", "m.cnx", "-o", "out", ...words], { cwd: folder });

describe("compile --preprocess", () => {
  test("gives an ONNX graph that makes of an image what classify makes of it", async () => {
    const folder = project();
    expect((await compile(folder, "-m", "micro", "-t", "onnx", "-w", "random:3", "--preprocess")).stderr).toBe("");
    const picture = seededPicture(4, { width: 61, height: 45 });
    const rgba = Buffer.from(
      Array.from({ length: 61 * 45 }, (_, i) => [...picture.data.subarray(3 * i, 3 * i + 3), 255]).flat(),
    );
    fs.writeFileSync(path.join(folder, "a.png"), writePng({ width: 61, height: 45, data: rgba }));
    const words = ["classify", "m.cnx", "-m", "micro", "-w", "random:3", "--on", "reference", "--json", "a.png"];
    const { classes } = JSON.parse((await cnxc(words, { cwd: folder })).stdout).result.images[0];

    const session = await openOnnx({ file: path.join(folder, "out/micro/onnx/model.onnx") });
    if (!session.ok) throw new Error(session.diagnostics[0]?.message);
    const run = await session.value.run(new Map([["image", { shape: [1, 45, 61, 3], data: picture.data }]]));
    await session.value.close();
    if (!run.ok) throw new Error(run.diagnostics[0]?.message);
    const logits = run.value.outputs.get("logits")?.data ?? [];
    // A value in ten thousand may be a step of 255 away.
    for (const { class: index, logit } of classes) expect(Math.abs((logits[index] ?? 0) - logit)).toBeLessThan(1e-3);
  });

  test("gives a kernel, and a module that imports nothing but the runtime, in a model of that name too", async () => {
    const folder = project();
    expect((await compile(folder, "-m", "micro,preprocess", "-t", "wgsl", "--preprocess")).code).toBe(0);
    fs.mkdirSync(path.join(folder, "node_modules"));
    fs.symlinkSync(root, path.join(folder, "node_modules/cnxc"));
    fs.writeFileSync(path.join(folder, "package.json"), '{"type":"module"}');
    for (const [model, module] of [
      ["micro", "preprocess"],
      ["preprocess", "preprocess_images"],
    ] as const) {
      const at = path.join(folder, "out", model);
      expect(fs.existsSync(path.join(at, "wgsl/preprocess.wgsl"))).toBe(true);
      expect(fs.readFileSync(path.join(at, `${module}.d.ts`), "utf8")).toContain("createPreprocessor");
      const script = `console.log(Object.keys(await import("./out/${model}/${module}.js")))`;
      const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
        cwd: folder,
        encoding: "utf8",
      });
      expect([stdout, stderr]).toEqual(["[ 'createPreprocessor', 'descriptor' ]\n", ""]);
    }
  });

  test("a page that has no images bundles nothing of it", async () => {
    const bundle = async (contents: string): Promise<string> => {
      const stdin = { contents, resolveDir: root };
      const { outputFiles } = await build({ stdin, bundle: true, write: false, format: "esm" });
      return outputFiles[0]?.text ?? "";
    };
    const imported = (name: string) =>
      bundle(`import { ${name} } from "./dist/runtime/index.js"; console.log(${name});`);
    expect(await imported("createPreprocessor")).toContain("bytes of RGBA");
    expect(await imported("createModel")).not.toContain("bytes of RGBA");
  });

  test("is what a classifier has without it, where kernels can do it, and a module from pictures to classes", async () => {
    const folder = project();
    expect((await compile(folder, "-m", "micro,grey,rough,maps", "-t", "wgsl")).code).toBe(0);
    const has = (model: string) =>
      ["wgsl/preprocess.wgsl", "preprocess.js", "classifier.js"].map(file =>
        fs.existsSync(path.join(folder, "out", model, file)),
      );
    expect(has("micro")).toEqual([true, true, true]);
    for (const model of ["grey", "rough", "maps"]) expect(has(model), model).toEqual([false, false, false]);
    expect((await compile(folder, "-m", "maps", "-t", "wgsl", "--preprocess")).code).toBe(0);
    expect(has("maps")).toEqual([true, true, false]);
  });

  test.each([
    [["-m", "micro", "-t", "onnx", "--opset", "17"], "opset 17"],
    [["-m", "micro", "-t", "onnx", "--layout", "huggingface"], "--layout huggingface"],
    [["-m", "micro", "-t", "cuda"], "--target cuda alone"],
    [["-m", "grey", "-t", "wgsl"], "takes 1 channels"],
    [["-m", "rough", "-t", "wgsl"], "interpolation nearest for WGSL, which model 'rough' has"],
  ])("%j is refused", async (words, says) => {
    const { code, stderr } = await compile(project(), ...words, "--preprocess");
    expect(code).toBe(2);
    expect(stderr).toContain(says);
  });
});
