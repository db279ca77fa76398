import * as fs from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { cached } from "../../../src/node/files/cache.ts";
import { fill, newFolder, snapshot } from "../../support/folders.ts";

const key = new Uint8Array([1, 2, 3]);

/** A cache that counts how often it was filled. */
function cacheIn(near: string) {
  process.env.XDG_CACHE_HOME = path.join(near, "home"); // the next root, where this one fails
  let fills = 0;
  const make = (folder: string): Promise<void> => {
    fills++;
    fill(folder, { program: "works", "deep/part": "too" });
    return Promise.resolve();
  };
  return { get: () => cached(near, "thing", key, make), fills: () => fills };
}

test("what was made once is found again, with nothing beside it", async () => {
  const near = newFolder();
  const { get, fills } = cacheIn(near);
  const folder = await get();
  expect(await get()).toBe(folder);
  expect(fills()).toBe(1);
  expect(snapshot(folder)).toMatchObject({ program: "works", "deep/part": "too" });
  expect(fs.readdirSync(path.dirname(folder))).toEqual([path.basename(folder)]);
});

test.each<readonly [how: string, spoil: (folder: string) => void]>([
  ["empty", folder => fs.writeFileSync(path.join(folder, "program"), "")],
  ["changed in one byte", folder => fs.writeFileSync(path.join(folder, "program"), "Works")],
  ["gone", folder => fs.rmSync(path.join(folder, "program"))],
  ["gone in a folder", folder => fs.rmSync(path.join(folder, "deep"), { recursive: true })],
  ["without its list", folder => fs.rmSync(path.join(folder, "contents.sha256"))],
  ["one too many", folder => fs.writeFileSync(path.join(folder, "extra"), "")],
  [
    "all of it a file",
    folder => {
      fs.rmSync(folder, { recursive: true });
      fs.writeFileSync(folder, "");
    },
  ],
])("a file that is %s is made again", async (_, spoil) => {
  const near = newFolder();
  const { get, fills } = cacheIn(near);
  const folder = await get();
  const before = snapshot(folder);
  spoil(folder);
  expect(await get()).toBe(folder);
  expect(fills()).toBe(2);
  expect(snapshot(folder)).toEqual(before);
  expect(fs.readdirSync(path.dirname(folder))).toEqual([path.basename(folder)]);
});

test("a build that fails leaves nothing, and one of a dead process is cleared", async () => {
  const near = newFolder();
  const { get } = cacheIn(near);
  const root = path.dirname(await get());
  const [folder = ""] = fs.readdirSync(root);
  fs.rmSync(path.join(root, folder), { recursive: true });
  await expect(cached(near, "thing", key, () => Promise.reject(new Error("no compiler")))).rejects.toThrow(
    "no compiler",
  );
  expect(fs.readdirSync(root)).toEqual([]);
});

test("of several at once, all get the same folder", async () => {
  const near = newFolder();
  const caches = Array.from({ length: 5 }, () => cacheIn(near));
  const folders = await Promise.all(caches.map(({ get }) => get()));
  expect(new Set(folders).size).toBe(1);
  expect(snapshot(folders[0] ?? "")).toMatchObject({ program: "works" });
});
