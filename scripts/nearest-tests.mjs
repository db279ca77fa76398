// @ts-check
// Which quick tests stand nearest to what has changed: test/ mirrors src/, so they are the ones in the same place. What
// is far away and could fail too, `npm test` runs.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";

const root = path.resolve(import.meta.dirname, "..");

/** What a change of these says something about, besides the same place in test/. The first that fits counts. */
const elsewhere = [
  {
    of: /^src\/diagnostics\//,
    tests: ["test/diagnostics", "test/syntax/errors.test.ts", "test/node/cli/program.test.ts"],
  },
  { of: /^src\/(syntax|model)\//, tests: ["test/syntax", "test/model"] },
  { of: /^src\/passes\//, tests: ["test/passes", "test/graph"] },
  { of: /^src\/graph\//, tests: ["test/graph", "test/passes"] },
  { of: /^src\/(plan|embedded)\//, tests: ["test/plan", "test/templates.test.ts", "test/emit/wgsl"] },
  { of: /^src\/weights\/[^/]+$/, tests: ["test/weights"] },
  { of: /^src\/[^/]+$/, tests: ["test/plan", "test/inspect"] },
  { of: /^templates\//, tests: ["test/templates.test.ts", "test/emit/wgsl", "test/emit/cuda"] },
  { of: /^specs\//, tests: ["test/model", "test/syntax"] },
  { of: /^(docs\/|README\.md$|package\.json$)/, tests: ["test/docs.test.ts", "test/docs-reference.test.ts"] },
  { of: /^test\/cases\/passes\//, tests: ["test/passes"] },
  { of: /^test\/cases\/errors\//, tests: ["test/syntax"] },
  {
    of: /^test\/corpus\//,
    tests: ["test/syntax/corpus.test.ts", "test/weights/formats", "test/artifact/corpus.test.ts"],
  },
];

const lines = (/** @type {readonly string[]} */ words) => {
  const { status, stdout, stderr } = spawnSync("git", words, { cwd: root, encoding: "utf8" });
  if (status !== 0) {
    console.error(`--changed takes a commit that git knows: ${stderr.split("\n")[0]}`);
    process.exit(2);
  }
  return stdout.split("\n").filter(line => line !== "");
};

/** Files that differ from a commit, and those that git does not know. */
const changedSince = (/** @type {string} */ commit) => [
  ...lines(["diff", "--name-only", commit, "--"]),
  ...lines(["ls-files", "--others", "--exclude-standard"]),
];

const isThere = (/** @type {string} */ file) => fs.existsSync(path.join(root, file));

/** A test beside a file of the same name, or the folder that mirrors the file's, or the nearest above it. */
const mirrored = (/** @type {string} */ file) => {
  const test = file.replace(/^src\//, "test/").replace(/\.\w+$/, ".test.ts");
  if (isThere(test)) return [test];
  let folder = path.posix.dirname(test);
  while (folder !== "test" && !isThere(folder)) folder = path.posix.dirname(folder);
  return folder === "test" ? [] : [folder];
};

/** Paths for vitest; null where everything may have changed. */
export const nearestTests = (/** @type {string} */ commit) => {
  const changed = changedSince(commit);
  if (changed.some(file => /^(test\/support\/|vitest\.config|scripts\/vitest)/.test(file))) return null;
  const found = changed.flatMap(file => {
    if (/^test\/.*\.test\.ts$/.test(file)) return isThere(file) ? [file] : [];
    const { tests = [] } = elsewhere.find(({ of }) => of.test(file)) ?? {};
    return [...tests, ...(/^(src|test)\/.*\.ts$/.test(file) ? mirrored(file) : [])];
  });
  return [...new Set(["test/architecture.test.ts", ...found])].sort();
};
