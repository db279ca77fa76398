import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { beforeAll, expect, test } from "vitest";
import { cnxc } from "./support/cli.ts";

/** Below the checkout, so that `cnxc/runtime` is found as an installed package would be. */
const folder = path.resolve("node_modules/.cache/cnxc-docs");
const blocks = (text: string, language: string): readonly string[] =>
  [...text.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "gs"))].map(([, code = ""]) => code);
const page = (file: string): string => fs.readFileSync(file, "utf8");

/** What the examples take from the page around them. */
const given = `import type { StateTensor } from "cnxc/runtime/training";
import type { AttoParam } from "./out/atto/atto.js";
import type { AttoFcmaeOutputs } from "./out/atto_fcmae/atto_fcmae.js";
declare global {
  const tensors: Record<AttoParam, Float32Array>;
  const sha256: string;
  const pixel_values: Float32Array;
  const controller: AbortController;
  const encoder: GPUCommandEncoder;
  const imageData: ImageData;
  const image: HTMLImageElement;
  const file: File;
  const inputBuffer: GPUBuffer;
  const outputBuffer: GPUBuffer;
  const batch: number;
  const saved: StateTensor[];
  function save(tensor: StateTensor): Promise<unknown>;
  function pictures(step: number): Float32Array;
  function show(outputs: AttoFcmaeOutputs): void;
}
`;
/** A package of the page's own. */
const ort = 'declare module "onnxruntime-web";';
const files = { "readme.ts": page("README.md"), "host-module.ts": page("docs/host-module.md") };

beforeAll(async () => {
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(path.join(folder, "node_modules"), { recursive: true });
  fs.symlinkSync(path.resolve("."), path.join(folder, "node_modules/cnxc"), "dir");
  fs.writeFileSync(path.join(folder, "package.json"), '{ "type": "module" }');
  fs.writeFileSync(path.join(folder, "given.d.ts"), given);
  fs.writeFileSync(path.join(folder, "ort.d.ts"), ort);
  fs.writeFileSync(path.join(folder, "thumbs.cnx"), blocks(page("README.md"), "cnx")[0] ?? "");
  for (const [file, text] of Object.entries(files))
    fs.writeFileSync(path.join(folder, file), blocks(text, "ts").join("\n"));
  const compiled = [
    ["thumbs", path.join(folder, "thumbs.cnx"), "-m", "thumbs", "--preprocess"],
    ["atto", "specs/convnextv2.cnx", "-m", "atto", "--preprocess", "-w", "random:1"],
    ["atto_fcmae", "specs/train.cnx", "--train", "pretrain_atto"],
  ] as const;
  for (const [model, spec, ...words] of compiled) {
    const out = path.join(folder, "compiled", model);
    expect((await cnxc(["compile", spec, ...words, "-t", "wgsl", "-o", out])).stderr).toBe("");
    fs.cpSync(path.join(out, model), path.join(folder, "out", model), { recursive: true });
  }
});

test("the examples of README.md and docs/host-module.md are right TypeScript", () => {
  const compilerOptions = {
    target: "es2022",
    module: "nodenext",
    moduleResolution: "nodenext",
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    lib: ["es2023", "dom"],
    types: [],
  };
  const config = path.join(folder, "tsconfig.json");
  fs.writeFileSync(
    config,
    JSON.stringify({ compilerOptions, files: ["given.d.ts", "ort.d.ts", ...Object.keys(files)] }),
  );
  const tsc = path.resolve("node_modules/typescript/bin/tsc");
  const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", config], { encoding: "utf8" });
  expect(stdout).toBe("");
  expect(status).toBe(0);
});

test("the compiler makes what a model of another size needs, as docs/host-module.md has it", async () => {
  const file = path.join(folder, "sizes.mjs");
  fs.writeFileSync(file, blocks(files["host-module.ts"], "js").join("\n"));
  const { descriptorAt } = await import(/* @vite-ignore */ file);
  for (const [height, width] of [
    [224, 224],
    [299, 301],
  ] as const)
    expect(descriptorAt(height, width).inputs).toMatchObject([{ name: "pixel_values", shape: [3, height, width] }]);
  expect(() => descriptorAt(31, 32)).toThrow("height 31 is below the total stride 32, nearest is 32");
});

test("a bundler takes them for a browser, and they bring nothing but the runtime", async () => {
  const { metafile } = await build({
    entryPoints: Object.keys(files).map(file => path.join(folder, file)),
    bundle: true,
    write: false,
    outdir: folder,
    platform: "browser",
    format: "esm",
    target: "es2022",
    external: ["onnxruntime-web"],
    metafile: true,
    logLevel: "silent",
  });
  const brought = Object.keys(metafile.inputs).map(file => path.resolve(file));
  expect(brought.filter(file => !file.startsWith(folder) && !file.startsWith(path.resolve("dist/runtime")))).toEqual(
    [],
  );
});

test("a page that runs a model alone bundles nothing of training, and one that trains brings nothing but the runtime", async () => {
  const bundled = async (contents: string): Promise<readonly string[]> => {
    const { metafile, outputFiles } = await build({
      stdin: { contents, resolveDir: folder },
      bundle: true,
      write: false,
      platform: "browser",
      format: "esm",
      metafile: true,
    });
    const [output] = Object.values(metafile.outputs);
    const used = Object.entries(output?.inputs ?? {}).filter(([, { bytesInOutput }]) => bytesInOutput > 0);
    expect(outputFiles.length).toBe(1);
    return used.map(([file]) => path.resolve(file)).filter(file => file.startsWith(path.resolve("dist")));
  };
  const training = path.resolve("dist/runtime/training");
  const page = 'import { createModel } from "./out/atto_fcmae/atto_fcmae.js"; createModel({});';
  const alone = await bundled(page);
  expect(alone.length).toBeGreaterThan(5);
  expect(alone.filter(file => file.startsWith(training))).toEqual([]);
  const both = await bundled(`${page} import { createTrainer } from "./out/atto_fcmae/trainer.js"; createTrainer({});`);
  expect(both.filter(file => file.startsWith(training)).length).toBeGreaterThan(3);
  expect(both.filter(file => !file.startsWith(path.resolve("dist/runtime")))).toEqual([]);
});

test("README.md says how much the runtime weighs", async () => {
  const entryPoints = [path.resolve("src/runtime/index.ts")];
  const { outputFiles } = await build({ entryPoints, bundle: true, minify: true, write: false, format: "esm" });
  const [, said] = /([\d.]+) KB compressed/.exec(page("README.md")) ?? [];
  const kilobytes = gzipSync(outputFiles[0]?.contents ?? "", { level: 9 }).length / 1000;
  expect(Math.abs(Number(said) - kilobytes)).toBeLessThan(0.3);
});

test("README.md says how many dispatches atto takes", () => {
  const steps = page("generated/atto/plan.txt").split("  steps {\n")[1]?.split("  }\n")[0] ?? "";
  expect(page("README.md")).toContain(`whole pass of atto ${steps.match(/ = /g)?.length} dispatches`);
});
