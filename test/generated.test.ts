import { existsSync, readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "..");
const folder = path.join(root, "generated");

test("generated/ is what the compiler makes now; if it should be: npm run generate", async () => {
  const { generated } = (await import(path.join(root, "scripts/generated-files.mjs"))) as {
    readonly generated: () => readonly { readonly path: string; readonly contents: string }[];
  };
  const files = generated();
  expect(existsSync(folder)).toBe(true);
  const found = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => path.relative(folder, path.join(entry.parentPath, entry.name)).split(path.sep).join("/"));
  expect(found.sort()).toEqual(["cnxc.manifest.json", ...files.map(file => file.path)].sort());
  const stale = files.filter(file => readFileSync(path.join(folder, file.path), "utf8") !== file.contents);
  expect(stale.map(file => file.path)).toEqual([]);
});
