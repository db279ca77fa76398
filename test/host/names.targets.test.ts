import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { validateWgsl } from "../../src/node/gpu/dawn.ts";
import { cnxc } from "../support/cli.ts";
import { nagaError } from "../support/naga.ts";

/** Words that JavaScript, TypeScript, WGSL or the generated module itself have a meaning for. */
const names = [
  ...["class", "override", "constructor", "async", "await", "default", "enum", "then", "toString", "arguments", "eval"],
  ...["f32", "main", "fn", "workgroupBarrier", "Array", "Promise", "Float32Array", "GPUBuffer"],
  ...["createModel", "create", "descriptor", "ModelOptions", "model", "run", "runtime", "a", "A1"],
  ...["classifier", "preprocess", "preprocessing", "parts", "topK"],
];
const body = "{ depths [1] dims [8] input 8x8x3 head classifier { classes 2 } }";

/** Where the data of a model lies: not where its module does, on a file system that tells no cases apart either. */
const dataOf = (name: string): string => (/^model$/i.test(name) ? "model_data" : "model");

/** Where what takes pictures lies, in the same way. */
const classifierOf = (name: string): string => (/^classifier$/i.test(name) ? "image_classifier" : "classifier");

/** Below the checkout, so that `cnxc/runtime` is found as an installed package would be. */
const folder = path.resolve("node_modules/.cache/cnxc-names");
const read = (file: string): string => fs.readFileSync(path.join(folder, "out", file), "utf8");

/** Without the two comments that say which spec and which model it was made from. */
const unsigned = (text: string): string => text.split("\n").slice(2).join("\n");

beforeAll(async () => {
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(path.join(folder, "node_modules"), { recursive: true });
  fs.symlinkSync(path.resolve("."), path.join(folder, "node_modules/cnxc"), "dir");
  fs.writeFileSync(path.join(folder, "package.json"), '{ "type": "module" }');
  fs.writeFileSync(path.join(folder, "names.cnx"), names.map(name => `model ${name} ${body}\n`).join(""));
  const compiled = await cnxc(["compile", "names.cnx", "-t", "wgsl", "-o", "out"], { cwd: folder });
  expect(compiled).toMatchObject({ code: 0 });
});

describe("a model may be called what a language already calls something", () => {
  test("TypeScript takes every module", () => {
    const compilerOptions = {
      target: "es2022",
      module: "nodenext",
      strict: true,
      exactOptionalPropertyTypes: true,
      verbatimModuleSyntax: true,
      noEmit: true,
      lib: ["es2023", "dom"],
      types: [],
    };
    const files = names.flatMap(name => [
      `out/${name}/${name}.ts`,
      `out/${name}/${name}.d.ts`,
      `out/${name}/${dataOf(name)}.d.ts`,
      `out/${name}/${classifierOf(name)}.ts`,
      `out/${name}/${classifierOf(name)}.d.ts`,
    ]);
    fs.writeFileSync(path.join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
    const tsc = path.resolve("node_modules/typescript/bin/tsc");
    const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", folder], { encoding: "utf8" });
    expect(stdout).toBe("");
    expect(status).toBe(0);
  });

  test("Node imports every module, and each knows its name", () => {
    const wanted = names.map(name => `[${JSON.stringify(name)}, await import("./out/${name}/${name}.js")]`);
    const pictures = names.map(name => `await import("./out/${name}/${classifierOf(name)}.js")`);
    const code = `for (const { createClassifier } of [${pictures.join(", ")}])
      if (typeof createClassifier !== "function") console.log("no classifier");
      for (const [name, { createModel, descriptor }] of [${wanted.join(", ")}])
      if (typeof createModel !== "function" || descriptor.name !== name) console.log(name);`;
    const options = { cwd: folder, encoding: "utf8" } as const;
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", code], options);
    expect({ stdout, stderr }).toEqual({ stdout: "", stderr: "" });
  });

  test.each(["model", "Model"])(
    "the module and the data of a model called '%s' are two files in any case",
    async name => {
      const spec = `${name}-alone.cnx`;
      fs.writeFileSync(path.join(folder, spec), `model ${name} ${body}\n`);
      const compiled = await cnxc(["compile", spec, "-t", "wgsl", "-o", `${name}-alone`], { cwd: folder });
      expect(compiled).toMatchObject({ code: 0 });
      const files = fs.readdirSync(path.join(folder, `${name}-alone`, name)).map(file => file.toLowerCase());
      expect(files).toEqual(expect.arrayContaining(["model.js", "model.d.ts", "model_data.js", "model_data.d.ts"]));
      expect(new Set(files).size).toBe(files.length);
      const script = fs.readFileSync(path.join(folder, `${name}-alone`, name, `${name}.js`), "utf8");
      expect(script).toContain('from "./model_data.js"');
    },
  );

  test("Tint and naga take every kernel", async () => {
    const kernels = (name: string) => fs.readdirSync(path.join(folder, "out", name, "wgsl")).sort();
    const seen = new Set<string>();
    for (const name of names) {
      expect(kernels(name)).toEqual(kernels("class"));
      for (const kernel of kernels(name)) {
        const code = unsigned(read(`${name}/wgsl/${kernel}`));
        if (seen.has(code)) continue;
        seen.add(code);
        expect(await validateWgsl(code), `${name}/${kernel}`).toMatchObject({ ok: true, value: [] });
        expect(nagaError(code), `${name}/${kernel}`).toBe(null);
      }
    }
  });

  test("no kernel holds the name of its model", () => {
    const kernel = fs.readdirSync(path.join(folder, "out/class/wgsl")).sort()[0] ?? "";
    for (const name of names)
      expect(unsigned(read(`${name}/wgsl/${kernel}`)), name).toBe(unsigned(read(`class/wgsl/${kernel}`)));
  });
});
