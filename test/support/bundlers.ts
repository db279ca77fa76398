import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { onTestFinished } from "vitest";
import { newFolder } from "./folders.ts";
import { npmPackages } from "./npm-packages.ts";

/** A tool that makes a page of modules, as people have it from npm. */
export interface Bundler {
  readonly name: string;
  /** What npm fetches for it. */
  readonly packages: Readonly<Record<string, string>>;
  /** Files that the tool wants besides `main.mjs`, which is the page's own. */
  readonly files: Readonly<Record<string, string>>;
  /** Builds the project in a folder; gives the folder of what a server would serve. `tool` has the packages. */
  readonly build: (project: string, tool: string) => Promise<string>;
}

const html = (script: string): string =>
  `<!doctype html><title>cnxc</title><script type="module" src="${script}"></script>`;

/** Runs a tool's own command. */
function command(project: string, script: string, words: readonly string[]): void {
  const env = { ...process.env, NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" };
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...words], {
    cwd: project,
    encoding: "utf8",
    env,
  });
  if (status !== 0) throw new Error(`${path.basename(script)} ${words.join(" ")}: ${stdout}${stderr}`);
}

export const bundlers: readonly Bundler[] = [
  {
    name: "Vite",
    packages: { vite: "8.4.0" },
    files: { "index.html": html("/main.mjs") },
    build: async (project, tool) => {
      command(project, path.join(tool, "node_modules/vite/bin/vite.js"), ["build"]);
      return path.join(project, "dist");
    },
  },
  {
    name: "webpack",
    packages: { webpack: "5.113.0" },
    files: { "dist/index.html": html("page.js") },
    build: async (project, tool) => {
      const webpack = createRequire(path.join(tool, "package.json"))("webpack");
      const output = { path: path.join(project, "dist"), filename: "page.js" };
      const stats = await new Promise<{ toString: () => string; hasErrors: () => boolean; hasWarnings: () => boolean }>(
        (resolve, reject) =>
          webpack(
            { mode: "production", context: project, entry: "./main.mjs", output, performance: false },
            (error: Error | null, stats: never) => (error ? reject(error) : resolve(stats)),
          ),
      );
      if (stats.hasErrors() || stats.hasWarnings()) throw new Error(stats.toString());
      return output.path;
    },
  },
  {
    name: "Next",
    packages: { next: "16.4.6", react: "19.3.1", "react-dom": "19.3.1" },
    files: {
      "package.json": '{ "private": true }', // Next itself takes no page out of a package that says it is of CommonJS
      "next.config.mjs": 'export default { output: "export", turbopack: { root: import.meta.dirname + "/../.." } };',
      "app/layout.jsx": "export default ({ children }) => <html><body>{children}</body></html>;",
      "app/page.jsx": `"use client";
import { useEffect } from "react";
export default function Page() {
  useEffect(() => void import("../main.mjs"), []);
  return <p>cnxc</p>;
}`,
    },
    build: async (project, tool) => {
      command(project, path.join(tool, "node_modules/next/dist/bin/next"), ["build"]);
      return path.join(project, "out");
    },
  },
  {
    name: "Rollup",
    packages: { rollup: "4.68.8", "@rollup/plugin-node-resolve": "16.0.3" },
    files: { "dist/index.html": html("main.js") },
    build: async (project, tool) => {
      const load = (file: string) => import(pathToFileURL(path.join(tool, "node_modules", file)).href);
      const { rollup } = await load("rollup/dist/es/rollup.js");
      const { nodeResolve } = await load("@rollup/plugin-node-resolve/dist/es/index.js");
      const onwarn = (warning: Error) => {
        throw warning;
      };
      const bundle = await rollup({ input: path.join(project, "main.mjs"), plugins: [nodeResolve()], onwarn });
      // A module that is loaded when it is wanted is a file of its own.
      await bundle.write({ dir: path.join(project, "dist"), entryFileNames: "main.js", format: "es" });
      await bundle.close();
      return path.join(project, "dist");
    },
  },
  {
    name: "esbuild",
    packages: {},
    files: { "dist/index.html": html("main.js") },
    build: async project => {
      const outdir = path.join(project, "dist");
      const made = await build({
        absWorkingDir: project,
        entryPoints: ["main.mjs"],
        bundle: true,
        minify: true,
        format: "esm",
        outdir,
      });
      if (made.warnings.length > 0) throw new Error(made.warnings.map(({ text }) => text).join("\n"));
      return outdir;
    },
  },
];

/** The folder with a bundler's packages; null where npm cannot fetch them. */
export const bundlerFolder = ({ packages }: Bundler): string | null =>
  Object.keys(packages).length === 0 ? newFolder() : npmPackages(packages);

/**
 * A project as `npm init` and `npm install cnxc` leave it, whose package is of CommonJS, with a bundler's packages in reach.
 * It goes away with its test.
 */
export function newProject(tool: string, files: Readonly<Record<string, string>>): string {
  const project = path.join(tool, "pages", String(process.pid));
  fs.rmSync(project, { recursive: true, force: true });
  onTestFinished(() => fs.rmSync(project, { recursive: true, force: true }));
  installCnxc(project);
  const manifest = { name: "page", version: "1.0.0", private: true, type: "commonjs" };
  for (const [file, text] of Object.entries({ "package.json": JSON.stringify(manifest), ...files })) {
    fs.mkdirSync(path.dirname(path.join(project, file)), { recursive: true });
    fs.writeFileSync(path.join(project, file), text);
  }
  return project;
}

/** What a page needs of the package, as npm would unpack it. */
function installCnxc(project: string): void {
  const at = path.join(project, "node_modules/cnxc");
  fs.cpSync("dist/runtime", path.join(at, "dist/runtime"), { recursive: true });
  fs.copyFileSync("package.json", path.join(at, "package.json"));
}

/** All files below a folder, by their paths. */
export function filesBelow(folder: string): Readonly<Record<string, Buffer>> {
  const entries = fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile());
  const files = entries.map(entry => path.join(entry.parentPath, entry.name));
  return Object.fromEntries(files.map(file => [path.relative(folder, file), fs.readFileSync(file)]));
}
