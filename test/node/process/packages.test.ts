import * as path from "node:path";
import { afterEach, expect, test } from "vitest";
import { findPackage, importPackage, packagesVariable } from "../../../src/node/process/packages.ts";
import { fill, newFolder } from "../../support/folders.ts";

const root = process.cwd();
afterEach(() => {
  process.chdir(root);
  delete process.env[packagesVariable];
});

/** A folder of somebody else's, with a package that no one has. */
function elsewhere(): string {
  const folder = newFolder();
  fill(folder, {
    "node_modules/not-ours/package.json": JSON.stringify({ name: "not-ours", version: "1.0.0", main: "i.js" }),
    "node_modules/not-ours/i.js": "module.exports = 'ran'",
  });
  return folder;
}

test("a package of the current folder is none of ours", async () => {
  process.chdir(elsewhere());
  expect(findPackage("not-ours")).toBe(null);
  expect(await importPackage("not-ours")).toBe(null);
  expect(findPackage("commander")?.folder).toBe(path.join(root, "node_modules/commander"));
});

test("a folder that is named is looked into, after our own place", async () => {
  const folder = elsewhere();
  fill(folder, { "node_modules/commander/package.json": "{}" });
  process.env[packagesVariable] = folder;
  expect(findPackage("not-ours")?.folder).toBe(path.join(folder, "node_modules/not-ours"));
  expect(JSON.stringify(await importPackage("not-ours"))).toContain("ran");
  expect(findPackage("commander")?.folder).toBe(path.join(root, "node_modules/commander"));
  process.chdir(folder);
  process.env[packagesVariable] = ".";
  expect(findPackage("not-ours")?.folder).toContain("not-ours");
  process.env[packagesVariable] = "";
  expect(findPackage("not-ours")).toBe(null);
});
