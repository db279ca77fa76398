import * as fs from "node:fs";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { embedRuntime, runtimeBundleFile } from "../../scripts/embed-runtime.mjs";
import { cnxc } from "../support/cli.ts";
import { fill, newFolder } from "../support/folders.ts";

const spec = (name: string, more = ""): string =>
  `model ${name} { depths [1]  dims [6]  input 16x12x3  stem patch 2  head classifier { classes 2 ${more} } }\n`;

/** The bundle of a model, loaded. */
async function bundled(text: string, name: string) {
  const folder = newFolder();
  fill(folder, { "m.cnx": text, "kinds.txt": "cat\ndog\n" });
  const words = ["compile", "m.cnx", "-t", "wgsl", "--bundle", "--preprocess", "-o", "out"];
  expect(await cnxc(words, { cwd: folder })).toMatchObject({ code: 0, stderr: "" });
  const file = path.join(folder, "out", name, `${name}.bundle.js`);
  const types = fs.readFileSync(file.replace(/\.js$/, ".d.ts"), "utf8");
  return { text: fs.readFileSync(file, "utf8"), types, module: await import(pathToFileURL(file).href) };
}

test("src/embedded/runtime-bundle.ts is what src/runtime gives; if not: npm run generate", () => {
  expect(fs.readFileSync(runtimeBundleFile, "utf8")).toBe(embedRuntime());
});

test("a bundle imports nothing, and has what the model's modules and the runtime have", async () => {
  const { text, types, module } = await bundled(spec("pets", 'labels "kinds.txt"'), "pets");
  expect(text).toMatch(/^\/\/ Code generated .* DO NOT EDIT\.\n\/\/ @generated\n\n"use strict";var runtime=/);
  // But what a page loads that wants ONNX Runtime.
  expect(text.replace('import("cnxc/runtime/onnx")', "")).not.toMatch(/^import\b|\bimport\(|from "/m);
  const own = ["createClassifier", "createModel", "createPreprocessor", "descriptor", "labels", "topK"];
  expect(Object.keys(module).sort()).toEqual(
    [...own, "ModelError", "fetchWeights", "maskProblem", "randomMask", "requestDevice"].sort(),
  );
  expect(module.labels).toEqual(["cat", "dog"]);
  expect(module.descriptor.name).toBe("pets");
  expect(module.topK(Float32Array.of(0, 1), 1)).toMatchObject([[{ class: 1, label: "dog" }]]);
  await expect(module.createModel({})).rejects.toThrow();
  expect(types).toContain('topK } from "./pets.js";');
  expect(types).toContain('createPreprocessor } from "./preprocess.js";');
  expect(types).toMatch(/export \* from "cnxc\/runtime";\n$/);
});

test.each(["model", "labels", "preprocess", "runtime"])("a model may be called %s", async name => {
  const { module } = await bundled(spec(name, 'labels "kinds.txt"'), name);
  expect(module.descriptor.name).toBe(name);
});

test("--bundle without WGSL is told what it is for", async () => {
  const folder = newFolder();
  fill(folder, { "m.cnx": spec("pets") });
  const refused = await cnxc(["compile", "m.cnx", "-t", "onnx,cuda", "--bundle", "-o", "out"], { cwd: folder });
  expect(refused).toMatchObject({ code: 2 });
  expect(refused.stderr).toContain("not for onnx and cuda; leave it out, or give --target wgsl");
  expect(fs.existsSync(path.join(folder, "out"))).toBe(false);
});
