// @ts-check
// The places of dist/ that are bundled: the ONNX encoder, so that users install neither onnx-proto nor protobufjs; what fits
// pictures without a GPU, so that dist/runtime stands alone; and, only to be weighed, the runtime that goes to browsers.
import * as fs from "node:fs";
import * as path from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

export const runtimeBudget = 15 * 1024;

/** Our own modules stay modules; what a package brings is inlined. */
const keepRelative = (/** @type {string} */ entry) => ({
  name: "keep-relative",
  setup(/** @type {import("esbuild").PluginBuild} */ plugin) {
    plugin.onResolve({ filter: /^\./ }, args => (args.importer === entry ? { path: args.path, external: true } : null));
  },
});

/** Replaces emit/onnx-proto.js in `dist` by a bundle of itself, and writes the licences of what went in beside it.
 *  Gives what is wrong, or null. */
export const bundleOnnx = async (/** @type {string} */ root, /** @type {string} */ dist) => {
  const entry = path.join(dist, "emit", "onnx-proto.js");
  if (!fs.existsSync(entry)) return null;
  const result = await build({
    entryPoints: [entry],
    outfile: entry,
    allowOverwrite: true,
    absWorkingDir: root,
    nodePaths: [path.join(root, "node_modules")],
    plugins: [keepRelative(entry)],
    bundle: true,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    target: "es2022",
    legalComments: "none",
    minifySyntax: true,
    minifyWhitespace: true,
    metafile: true,
    logLevel: "warning",
  });
  const packages = new Set(
    Object.keys(result.metafile.inputs).flatMap(
      file => /node_modules\/((?:@[^/]+\/)?[^./][^/]*)\//.exec(file)?.[1] ?? [],
    ),
  );
  const notices = [...packages].sort().map(name => {
    const folder = path.join(root, "node_modules", name);
    const { version, license } = JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8"));
    const file = fs.readdirSync(folder).find(entry => /^licen[cs]e/i.test(entry));
    const text = file === undefined ? `Licence: ${license}\n` : fs.readFileSync(path.join(folder, file), "utf8");
    return `${name} ${version}\n\n${text.trim()}\n`;
  });
  fs.writeFileSync(path.join(dist, "emit", "onnx-proto.licenses.txt"), notices.join(`\n${"-".repeat(80)}\n\n`));
  const typed = fs.readFileSync(path.join(dist, "emit", "onnx-proto.d.ts"), "utf8");
  if (/from "(onnx-proto|protobufjs|long)/.test(typed))
    return "src/emit/onnx-proto.ts leaks a type of a bundled package into its declarations";
  return null;
};

/** Replaces runtime/onnx/fit-pictures.js in `dist` by a bundle of itself and of src/preprocess: a server of dist/runtime alone
 *  has no other folder. Gives what is wrong, or null. */
export const bundleFit = async (/** @type {string} */ dist) => {
  const entry = path.join(dist, "runtime", "onnx", "fit-pictures.js");
  if (!fs.existsSync(entry)) return null;
  const runtimeStays = {
    name: "runtime-stays",
    setup(/** @type {import("esbuild").PluginBuild} */ plugin) {
      plugin.onResolve({ filter: /^\.\.\/[a-z]/ }, args =>
        args.importer === entry ? { path: args.path, external: true } : null,
      );
    },
  };
  const { metafile } = await build({
    entryPoints: [entry],
    outfile: entry,
    allowOverwrite: true,
    absWorkingDir: dist,
    plugins: [runtimeStays],
    bundle: true,
    format: "esm",
    platform: "neutral",
    target: "es2022",
    metafile: true,
    logLevel: "warning",
  });
  const strangers = Object.keys(metafile.inputs).filter(file => !/^(runtime\/onnx|preprocess)\/[^/]+$/.test(file));
  return strangers.length > 0 ? `runtime/onnx brings ${strangers.join(", ")}` : null;
};

/** What a browser loads of some modules of the runtime, minified. */
const bundled = async (/** @type {string[]} */ lines, /** @type {string} */ folder) => {
  const result = await build({
    stdin: { contents: lines.join("\n"), resolveDir: folder },
    write: false,
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    logLevel: "error",
  });
  const [bundle] = result.outputFiles;
  if (bundle === undefined) throw new Error("build: the runtime gave no bundle");
  return { bytes: bundle.contents.length, packed: gzipSync(bundle.contents, { level: 9 }).length };
};

/** Says what a browser loads for the runtime, and how much more to train, and whether it is too much: a sentence, or null. */
export const measureRuntime = async (/** @type {string} */ root) => {
  const folder = path.join(root, "src", "runtime");
  if (!fs.existsSync(path.join(folder, "index.ts"))) return null;
  const [running, training] = ['export * from "./index.ts";', 'export * as training from "./training/index.ts";'];
  const { bytes, packed } = await bundled([running], folder);
  const both = await bundled([running, training], folder);
  const without = await bundled([running, 'export * as onnx from "./onnx/index.ts";'], folder);
  console.error(`runtime: ${bytes} bytes minified, ${packed} gzipped (budget ${runtimeBudget})`);
  console.error(`runtime/training: ${both.bytes - bytes} bytes more minified, ${both.packed - packed} gzipped`);
  console.error(`runtime/onnx: ${without.bytes - bytes} bytes more minified, ${without.packed - packed} gzipped`);
  return packed > runtimeBudget ? "the runtime is over its budget" : null;
};
