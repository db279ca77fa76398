import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { expect, test } from "vitest";
import { clearOwned, ownedName, ownerOf } from "../../../src/node/files/temp-files.ts";
import { withTempFolder } from "../../../src/node/files/temp-folder.ts";
import { replaceFile, writeFile } from "../../../src/node/files/write-file.ts";
import { thisProcess } from "../../../src/node/process/owner.ts";
import { fill, newFolder, snapshot } from "../../support/folders.ts";

const bytes = (text: string): readonly Uint8Array[] => [new TextEncoder().encode(text)];
const gone = spawnSync(process.execPath, ["-e", ""]).pid;
const nameOf = (place: string, pid: number): string => `.o.cnxc-${place}-${pid}-0`;

test("a name says whose it is, and others say nothing", () => {
  expect(ownerOf(ownedName(".o.cnxc"), ".o.cnxc")).toEqual(thisProcess);
  for (const name of [".o.cnxc-old", ".o.cnxc-lock", ".o.cnxc", `${nameOf("00000000", 1)}x-`, ".p.cnxc-00000000-1-0"])
    expect(ownerOf(name, ".o.cnxc")).toBe(null);
});

test("rests of dead processes are cleared, those of living ones and of other machines stay until they are old", () => {
  const folder = newFolder();
  const other = "00000000";
  const names = {
    dead: nameOf(thisProcess.place, gone),
    alive: nameOf(thisProcess.place, process.ppid),
    mine: ownedName(".o.cnxc"),
    elsewhere: nameOf(other, 1),
    forgotten: nameOf(other, 2),
    users: ".o.cnxc-notes",
  };
  fill(folder, Object.fromEntries(Object.values(names).map(name => [name, ""])));
  fs.utimesSync(path.join(folder, names.forgotten), 1, 1);
  clearOwned(folder, ".o.cnxc");
  const left = [names.alive, names.mine, names.elsewhere, names.users].sort();
  expect(fs.readdirSync(folder).sort()).toEqual(left);
  clearOwned(folder, ".o.cnxc", true);
  expect(fs.readdirSync(folder).sort()).toEqual(left.filter(name => name !== names.mine));
});

test("a result is written whole, through no link, and keeps the mode of what it replaces", async () => {
  const folder = newFolder();
  fill(folder, { o: "old", victim: "victim", [nameOf(thisProcess.place, gone)]: "rest" });
  fs.chmodSync(path.join(folder, "o"), 0o640);
  expect(await writeFile(path.join(folder, "o"), bytes("new"))).toBe(null);
  expect(snapshot(folder)).toEqual({ o: "new", victim: "victim" });
  expect(fs.statSync(path.join(folder, "o")).mode & 0o777).toBe(0o640);
  const broken = (async function* () {
    yield* bytes("half");
    throw Object.assign(new Error("full"), { code: "ENOSPC" });
  })();
  expect(await writeFile(path.join(folder, "o"), broken)).toMatchObject({ code: "no-space" });
  expect(snapshot(folder)).toEqual({ o: "new", victim: "victim" });
  fs.symlinkSync("o", path.join(folder, "link"));
  expect(await replaceFile(path.join(folder, "link"), "newer")).toBe(null);
  expect(snapshot(folder)).toEqual({ o: "newer", victim: "victim", link: "-> o" });
  const long = path.join(folder, "x".repeat(255));
  expect(await writeFile(long, bytes("long"))).toBe(null);
});

test("a folder for a while is gone afterwards, also where the work fails", async () => {
  const dead = path.join(os.tmpdir(), `cnxc-${thisProcess.place}-${gone}-0`);
  fs.mkdirSync(dead);
  let seen = "";
  const work = withTempFolder(folder => {
    seen = folder;
    expect(fs.statSync(folder).mode & 0o777).toBe(0o700);
    fill(folder, { weights: "w" });
    return Promise.reject(new Error("broken"));
  });
  await expect(work).rejects.toThrow("broken");
  expect([fs.existsSync(seen), fs.existsSync(dead)]).toEqual([false, false]);
});
