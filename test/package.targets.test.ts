import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { createRequire, isBuiltin } from "node:module";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { newFolder } from "./support/folders.ts";

const root = path.resolve(import.meta.dirname, "..");
const require = createRequire(import.meta.url);
const manifest = require("../package.json") as {
  readonly [kind in "dependencies" | "devDependencies" | "peerDependencies"]: Readonly<Record<string, string>>;
} & { readonly exports: object; readonly bin: { readonly cnxc: string }; readonly peerDependenciesMeta: object };
const lock = require("../package-lock.json") as {
  readonly packages: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
};
const locked = Object.entries(lock.packages).filter(([name]) => name !== "");
const below = (folder: string) =>
  fs
    .readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => path.relative(root, path.join(entry.parentPath, entry.name)))
    .sort();

function pack(into: string | null): {
  readonly files: readonly { readonly path: string; readonly mode: number }[];
  readonly shasum: string;
} {
  const where = into === null ? ["--dry-run"] : ["--pack-destination", into];
  const { stdout } = spawnSync("npm", ["pack", "--json", ...where], { cwd: root, encoding: "utf8" });
  return JSON.parse(stdout)[0];
}

test("N01: the lockfile pins every package by its hash, and names no place to load it from", () => {
  const bad = locked.filter(([, { integrity, resolved, link }]) => !integrity || resolved !== undefined || link);
  expect(bad.map(([name]) => name)).toEqual([]);
  expect(fs.readFileSync(path.join(root, "package-lock.json"), "utf8")).not.toMatch(/https?:\/\/[^"]*\.tgz|git\+/);
});

test("N01: the lockfile knows every package that its packages name, those of other systems too", () => {
  const missing = locked.flatMap(([at, entry]) => {
    const named = Object.keys({ ...(entry.dependencies ?? {}), ...(entry.optionalDependencies ?? {}) });
    const isLocked = (name: string) => locked.some(([other]) => other.endsWith(`node_modules/${name}`));
    return named.filter(name => !isLocked(name)).map(name => `${at} needs ${name}`);
  });
  expect(missing).toEqual([]); // else npm ci refuses, on whatever system
});

test("N01: versions are exact, save those of the optional peers", () => {
  const all = { ...manifest.dependencies, ...manifest.devDependencies };
  expect(Object.entries(all).filter(([, v]) => !/^(npm:[\w@/-]+@)?\d+\.\d+\.\d+$/.test(v))).toEqual([]);
  expect(Object.keys(manifest.peerDependenciesMeta).sort()).toEqual(Object.keys(manifest.peerDependencies).sort());
});

test("N02: nothing that a user installs has an install script, and ours need none", () => {
  const scripted = locked.filter(([, { hasInstallScript, dev }]) => hasInstallScript === true && dev !== true);
  expect(scripted.map(([name]) => name)).toEqual([]);
  expect(fs.readFileSync(path.join(root, ".npmrc"), "utf8")).toMatch(/^ignore-scripts=true$/m);
});

test("N05: the package holds what is built from src, the specs, the pages, and a few named files", () => {
  const built = below("src")
    .filter(file => file.endsWith(".ts") && !file.endsWith(".d.ts"))
    .filter(file => !file.startsWith("src/explore/report/client/")) // bundled into src/embedded/report-script.ts
    .flatMap(file => [".js", ".d.ts"].map(ending => file.replace(/^src/, "dist").replace(/\.ts$/, ending)));
  const documents = ["CHANGELOG.md", "LICENSE", "README.md", "package.json", ...below("docs")];
  const figures = below("bench/results").filter(file => file.endsWith(".md"));
  const named = ["dist/emit/onnx-proto.licenses.txt", "generated/atto/wgsl/stages.2.0.pwconv2.wgsl"];
  const wanted = [...documents, ...figures, ...built, ...named, ...below("specs")];
  expect(
    pack(null)
      .files.map(file => file.path)
      .sort(),
  ).toEqual(wanted.sort());
});

test("links between the pages of the package lead to what it holds", () => {
  const files = pack(null).files.map(file => file.path);
  const pages = files.filter(file => /^(docs\/.*|[A-Z]+)\.md$/.test(file));
  expect(pages).toContain("README.md");
  const broken = pages.flatMap(page =>
    [...fs.readFileSync(path.join(root, page), "utf8").matchAll(/\]\(([^)#]+)[^)]*\)/g)]
      .map(([, link = ""]) => link)
      .filter(link => !/^https?:/.test(link))
      .map(link => path.posix.join(path.posix.dirname(page), link))
      .filter(at => !files.some(file => file === at || file.startsWith(`${at}/`)))
      .map(at => `${page}: ${at}`),
  );
  expect(broken).toEqual([]);
});

test("N06: two packages of one tree are the same, byte for byte", () => {
  expect(pack(newFolder()).shasum).toBe(pack(newFolder()).shasum);
});

test("the command can be executed", () => {
  const cli = path.join(root, manifest.bin.cnxc);
  expect(fs.statSync(cli).mode & 0o111).toBe(0o111);
  expect(fs.readFileSync(cli, "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/);
});

test("what is shipped imports what it declares: types included, nothing by a reference", () => {
  const declared = new Set([...Object.keys(manifest.dependencies), "cnxc"]);
  const wrong = below("dist").flatMap(file => {
    if (!/\.(js|d\.ts)$/.test(file)) return [];
    const text = fs.readFileSync(path.join(root, file), "utf8");
    const names = [...text.matchAll(/\bfrom\s*"([\w@./:-]+)"|\bimport\("([\w@./:-]+)"\)/g)].map(
      match => match[1] ?? match[2] ?? "",
    );
    const packages = names
      .filter(name => !name.startsWith(".") && !isBuiltin(name))
      .map(name => name.split("/", name.startsWith("@") ? 2 : 1).join("/"));
    const foreign = packages.filter(name => !declared.has(name)).map(name => `${file} → ${name}`);
    return [...foreign, ...(/\/\/\/ <reference/.test(text) ? [`${file}: reference`] : [])];
  });
  expect(wrong).toEqual([]);
});

test("the runtime stands alone: it imports no package, and no other folder", () => {
  const runtime = path.join(root, "dist/runtime");
  const foreign = below("dist/runtime").flatMap(file => {
    const text = fs.readFileSync(path.join(root, file), "utf8");
    const names = [...text.matchAll(/\bfrom "([^"]+)"/g)].map(match => match[1] ?? "");
    const stays = (name: string) =>
      /^\.\.?\//.test(name) && path.resolve(root, path.dirname(file), name).startsWith(runtime + path.sep);
    return names.filter(name => !stays(name)).map(name => `${file} → ${name}`);
  });
  expect(foreign).toEqual([]);
});

test("the ONNX encoder works where neither onnx-proto nor protobufjs is installed", async () => {
  const folder = newFolder();
  fs.writeFileSync(path.join(folder, "package.json"), '{"type":"module"}');
  fs.copyFileSync(path.join(root, "dist/emit/onnx-proto.js"), path.join(folder, "codec.js"));
  const script = `
    const { encodeModel, decodeModel } = await (await import("./codec.js")).loadOnnxCodec();
    const tensor = { name: "w", dtype: "i64", shape: [1], data: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0) };
    const graph = { name: "g", doc: "", nodes: [], initializers: [tensor], inputs: [], values: [], outputs: [] };
    const producer = { name: "cnxc", version: "1" };
    const model = { irVersion: 9, opset: 20, producer, doc: "", metadata: [["a", "b"]], graph };
    const bytes = encodeModel(model);
    console.log(JSON.stringify([bytes.length, decodeModel(bytes).opset, decodeModel(bytes).graph.initializers[0].shape]));`;
  const run = spawnSync(process.execPath, ["--input-type=module", "-e", script], { cwd: folder, encoding: "utf8" });
  expect([run.stderr, JSON.parse(run.stdout)]).toEqual(["", [expect.any(Number), 20, [1]]]);
  expect(fs.readFileSync(path.join(root, "dist/emit/onnx-proto.js"), "utf8")).not.toMatch(/\beval\(|new Function\b/);
});

test("every entry of the package can be imported", async () => {
  for (const entry of [
    "dist/index.js",
    "dist/runtime/index.js",
    "dist/runtime/onnx/index.js",
    "dist/runtime/training/index.js",
  ])
    expect(Object.keys(await import(pathToFileURL(path.join(root, entry)).href)).length, entry).toBeGreaterThan(0);
  expect(Object.keys(manifest.exports)).toEqual([
    ".",
    "./runtime",
    "./runtime/onnx",
    "./runtime/training",
    "./package.json",
  ]);
});

test("what scripts and benches load from dist is built, under the names they take", async () => {
  const load =
    /(?:const \{ ([^}]+) \} = )?await (?:compiled\(|import\((?:path\.(?:join|resolve)\([\w., ]+)?)"(?:\.\.\/)?(?:dist\/)?([\w/-]+\.js)"/g;
  const loads = ["scripts", "bench"].flatMap(below).flatMap(file => {
    if (!file.endsWith(".mjs")) return [];
    const text = fs.readFileSync(path.join(root, file), "utf8");
    return [...text.matchAll(load)].map(([, names = "", module = ""]) => ({ file, names, module }));
  });
  expect(loads.length).toBeGreaterThan(60);
  for (const { file, names, module } of loads) {
    const at = path.join(root, "dist", module);
    expect(fs.existsSync(at), `${file}: ${module}`).toBe(true);
    const exported = Object.keys(await import(pathToFileURL(at).href));
    for (const name of names.split(/,\s*/).filter(name => name !== ""))
      expect(exported, `${file}: ${module}`).toContain(name.trim());
  }
});
