import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { type FsOps, realFs } from "../../../src/node/output/fs.ts";
import { lockText } from "../../../src/node/output/lock.ts";
import { publish } from "../../../src/node/output/publish.ts";
import { thisProcess } from "../../../src/node/process/owner.ts";
import { type Call, errno, hookedFs } from "../../support/faulty-fs.ts";
import { fill, newFolder, snapshot } from "../../support/folders.ts";
import { full } from "../../support/full.ts";

const origin = { compiler: "0.1.0", specs: [{ name: "a.cnx", sha256: "00" }], options: {} };
const mine = { "notes.md": "mine", "wgsl/mine.txt": "mine" };
const versions = {
  old: { "model.ts": "one", "wgsl/a.wgsl": "a", "wgsl/b.wgsl": "b" },
  new: { "model.ts": "two", "wgsl/a.wgsl": "a", "onnx/m.onnx": "o" },
} as const;
type Version = keyof typeof versions;

const write = (out: string, version: Version, ops: FsOps = hookedFs(() => {}), looks = 5000) =>
  publish({
    directory: out,
    files: Object.entries(versions[version]).map(([file, contents]) => ({ path: file, contents })),
    origin,
    inputs: [],
    project: path.dirname(out),
    followOutside: false,
    waiting: { looks, lookMs: 1 },
    fs: ops,
  });

/** A directory with the old version and the user's files in it. */
async function oldDirectory(): Promise<string> {
  const out = path.join(newFolder(), "out");
  expect(await write(out, "old")).toMatchObject({ ok: true });
  fill(out, mine);
  return out;
}

/** Which version a directory holds, whole; everything else is "torn". */
function state(out: string): Version | "absent" | "torn" {
  const found = snapshot(out);
  if (found === null) return "absent";
  const { "cnxc.manifest.json": manifest = "", ...files } = found;
  const ours = Object.entries(files)
    .filter(([file]) => !(file in mine))
    .sort();
  const listed = new Set([...manifest.matchAll(/"path": "([^"]+)"/g)].map(match => match[1]));
  for (const version of ["old", "new"] as const) {
    const same = JSON.stringify(ours) === JSON.stringify(Object.entries(versions[version]).sort());
    if (same && Object.keys(versions[version]).every(file => listed.has(file))) return version;
  }
  return "torn";
}

/** Nothing of the user's is lost. */
const keepsMine = (out: string): boolean =>
  Object.entries(mine).every(([file, text]) => fs.readFileSync(path.join(out, file), "utf8") === text);

const besides = (out: string) => fs.readdirSync(path.dirname(out)).filter(name => name !== path.basename(out));

/** How many calls a replacement makes when all goes well. */
async function callsOfOneRun(): Promise<number> {
  let calls = 0;
  const ops = hookedFs(() => {
    calls++;
  });
  expect(await write(await oldDirectory(), "new", ops)).toMatchObject({ ok: true });
  return calls;
}

test.each(full ? ["ENOSPC", "EIO", "EDQUOT", "EROFS", "EACCES"] : ["ENOSPC", "EACCES"])(
  "D01, D02, D05, D12: %s at call k, for every k, leaves all old or all new",
  async code => {
    const calls = await callsOfOneRun();
    for (let k = 0; k < calls; k++) {
      const out = await oldDirectory();
      const fault = ({ index }: Call) => {
        if (index === k) throw errno(code);
      };
      const result = await write(out, "new", hookedFs(fault));
      const now = state(out);
      expect([k, now, keepsMine(out)]).toEqual([k, result.ok || now === "new" ? "new" : "old", true]);
      if (!result.ok) expect(result.diagnostics[0]?.code).toMatch(/no-space|io|read-only|permission-denied/);
      expect(await write(out, "new")).toMatchObject({ ok: true });
      expect([k, state(out), besides(out)]).toEqual([k, "new", []]);
    }
  },
);

test("D12, D24: everything fails from call k on; the next run restores or goes on", async () => {
  const seen = new Set<string>();
  const calls = await callsOfOneRun();
  for (let k = 0; k < calls; k++) {
    const out = await oldDirectory();
    const dead = ({ index }: Call) => {
      if (index >= k) throw errno("EIO");
    };
    await write(out, "new", hookedFs(dead));
    seen.add(state(out));
    const again = await write(out, "old");
    expect([k, again.ok, state(out), keepsMine(out), besides(out)]).toEqual([k, true, "old", true, []]);
  }
  expect([...seen].sort()).toEqual(["absent", "new", "old"]);
});

test.each(["by the run that replaced it", "by the run after it"])(
  "D24: a kill at any file of the old tree while it is deleted %s leaves what the next run goes on from",
  async when => {
    // Its manifest goes first: without it, nobody can tell any more whose files the others are.
    const files = ["cnxc.manifest.json", ...Object.keys(versions.old)];
    for (let gone = 0; gone <= files.length; gone++) {
      const out = await oldDirectory();
      if (when === "by the run after it") await write(out, "new", hookedFs(dyingAt(isOfOld("renameSync"))));
      const partly = dyingAt(call => {
        if (!isOfOld("rmSync")(call)) return false;
        for (const file of files.slice(0, gone)) fs.rmSync(path.join(String(call.args[0]), file), { force: true });
        return true;
      });
      await write(out, "new", hookedFs(partly));
      expect([gone, state(out), keepsMine(out), besides(out).length]).toEqual([gone, "new", true, 2]);
      expect([gone, await write(out, "old")]).toMatchObject([gone, { ok: true }]);
      expect([gone, state(out), keepsMine(out), besides(out)]).toEqual([gone, "old", true, []]);
    }
  },
);

/** Every call from the first on that is meant fails, as all do of a process that is gone. */
function dyingAt(meant: (call: Call) => boolean): (call: Call) => void {
  let dead = false;
  return call => {
    dead ||= meant(call);
    if (dead) throw errno("EIO");
  };
}

/** A call on the replaced tree, as soon as the new one is in place. */
const isOfOld =
  (operation: Call["name"]) =>
  ({ name, args: [file] }: Call): boolean =>
    name === operation &&
    /\.out\.cnxc-(old|tmp-[^/]*)$/.test(String(file)) && // its name, or that under which it goes
    fs.existsSync(path.join(path.dirname(String(file)), "out"));

test.each(["EINTR", "EAGAIN", "EMFILE", "ENFILE"])("D06, D10: %s at call k is only a bad moment", async code => {
  const out = await oldDirectory();
  let calls = 0;
  const ops = hookedFs(() => {
    if (calls++ % 2 === 0) throw errno(code); // every call fails once
  });
  expect(await write(out, "new", ops)).toMatchObject({ ok: true });
  expect([state(out), besides(out)]).toEqual(["new", []]);
});

test("D06: files that never open end in a diagnostic", async () => {
  const out = await oldDirectory();
  const ops = hookedFs(({ name }) => {
    if (name === "openSync") throw errno("EMFILE");
  });
  const result = await write(out, "new", ops);
  expect(result).toMatchObject({ ok: false, diagnostics: [{ code: "io" }] });
  expect(state(out)).toBe("old");
});

test("D04: short writes are continued, and one that writes nothing is a full disk", async () => {
  const bytes = new Uint8Array(3000).map((_, i) => i);
  const target = async (limit: number) => {
    const out = path.join(newFolder(), "out");
    const short = (fd: number, data: Uint8Array, at: number, length: number) =>
      limit === 0 && length > 100 ? 0 : fs.writeSync(fd, data, at, Math.min(length, Math.max(limit, 1)));
    const writeSync = ((fd: number, data: string | Uint8Array, at: number, length: number) =>
      typeof data === "string" ? fs.writeSync(fd, data) : short(fd, data, at, length)) as FsOps["writeSync"];
    const result = await publish({
      directory: out,
      files: [{ path: "w.bin", contents: bytes }],
      origin,
      inputs: [],
      project: out,
      followOutside: false,
      fs: { ...realFs, writeSync },
    });
    return { out, result };
  };
  const good = await target(7);
  expect(good.result).toMatchObject({ ok: true });
  expect(new Uint8Array(fs.readFileSync(path.join(good.out, "w.bin")))).toEqual(bytes);
  const full = await target(0);
  expect(full.result).toMatchObject({ ok: false, diagnostics: [{ code: "no-space" }] });
  expect([fs.existsSync(full.out), besides(full.out)]).toEqual([false, []]);
});

test("D17: a folder of the new tree that becomes a link is not followed", async () => {
  const calls = await callsOfOneRun();
  for (let k = 0; k < calls; k++) {
    const out = await oldDirectory();
    const elsewhere = newFolder();
    let swapped = false;
    let temp = "none"; // the first of that name: the replaced tree gets another, to go under
    const ops = hookedFs(({ index }) => {
      if (temp === "none") temp = besides(out).find(name => name.startsWith(".out.cnxc-tmp-")) ?? "none";
      const inside = path.join(path.dirname(out), temp, "wgsl");
      if (index < k || swapped || !fs.existsSync(inside)) return;
      swapped = true;
      fs.rmSync(inside, { recursive: true });
      fs.symlinkSync(elsewhere, inside);
    });
    const result = await write(out, "new", ops);
    if (swapped) {
      expect(result).toMatchObject({ ok: false, diagnostics: [{ code: "output-redirected" }] });
      expect(state(out)).toBe("old");
    }
    expect([k, result.ok ? state(out) : "old", besides(out)]).toEqual([k, result.ok ? "new" : "old", []]);
  }
});

test("D28: a directory that vanishes meanwhile is an error or is written again", async () => {
  const codes = new Set<string>();
  const calls = await callsOfOneRun();
  for (let k = 0; k < calls; k++) {
    const out = await oldDirectory();
    const ops = hookedFs(({ index }) => {
      if (index === k) fs.rmSync(out, { recursive: true, force: true });
    });
    const result = await write(out, "new", ops);
    if (!result.ok) codes.add(result.diagnostics[0]?.code ?? "");
    expect(await write(out, "new")).toMatchObject({ ok: true });
    expect([k, besides(out)]).toEqual([k, []]);
  }
  expect([...codes]).toEqual(["output-vanished"]);
});

test("D18: of writers at once, each end state is the whole output of one", async () => {
  const out = await oldDirectory();
  const all = await Promise.all(
    Array.from({ length: 8 }, (_, i) => write(out, i % 2 === 0 ? "old" : "new", undefined, 60_000)),
  );
  expect(all.map(({ ok }) => ok)).toEqual(all.map(() => true));
  expect(["old", "new"]).toContain(state(out));
  expect(besides(out)).toEqual([]);
});

const lockOf = (out: string) => path.join(path.dirname(out), ".out.cnxc-lock");
const elsewhere = { pid: 1, place: "00000000", host: "far-away", token: "00000001" };

test("a lock: a dead holder's is taken over, a living one's is waited for and then reported", async () => {
  const out = await oldDirectory();
  fs.writeFileSync(lockOf(out), lockText({ ...thisProcess, pid: process.ppid, host: "here", token: "00000001" }, 0));
  const waited = await write(out, "new", undefined, 100);
  expect(waited).toMatchObject({ ok: false, diagnostics: [{ code: "output-locked" }] });
  expect(waited.diagnostics[0]?.message).toContain(`process ${process.ppid} on here`);
  expect(waited.diagnostics[0]?.notes[0]?.message).toContain(lockOf(out));
  expect(state(out)).toBe("old");
  const gone = spawnSync(process.execPath, ["-e", ""]).pid;
  fs.writeFileSync(lockOf(out), lockText({ ...thisProcess, pid: gone, host: "here", token: "00000001" }, 0));
  expect(await write(out, "new", undefined, 1000)).toMatchObject({ ok: true });
  expect([state(out), besides(out)]).toEqual(["new", []]);
  fs.writeFileSync(lockOf(out), ""); // a writer that died before it could say who it is
  expect(await write(out, "old", undefined, 20_000)).toMatchObject({ ok: true });
  expect([state(out), besides(out)]).toEqual(["old", []]);
});

test("what one left that died while it took a lock over goes with the next", async () => {
  const out = await oldDirectory();
  fs.mkdirSync(`${lockOf(out)}.takeover`);
  expect(await write(out, "new")).toMatchObject({ ok: true });
  expect([state(out), besides(out)]).toEqual(["new", []]);
});

test("a lock of another container or machine: its heart is watched, not its number", async () => {
  const out = await oldDirectory();
  fs.writeFileSync(lockOf(out), lockText(elsewhere, 0));
  let beat = 0;
  const heart = setInterval(() => fs.writeFileSync(lockOf(out), lockText(elsewhere, ++beat)), 200);
  const waited = await write(out, "new", undefined, 3000);
  clearInterval(heart);
  expect(waited).toMatchObject({ ok: false, diagnostics: [{ code: "output-locked" }] });
  expect(state(out)).toBe("old");
  expect(await write(out, "new", undefined, 600_000)).toMatchObject({ ok: true });
  expect([state(out), besides(out)]).toEqual(["new", []]);
});

test("a lock that says nothing of a heart is anybody's, and is waited for", async () => {
  const out = await oldDirectory();
  fs.writeFileSync(lockOf(out), "4194304\n");
  expect(await write(out, "new", undefined, 3000)).toMatchObject({ diagnostics: [{ code: "output-locked" }] });
  expect([state(out), fs.readFileSync(lockOf(out), "utf8")]).toEqual(["old", "4194304\n"]);
});

test("a holder whose lock was taken meanwhile replaces nothing, and leaves the other's lock", async () => {
  const out = await oldDirectory();
  const ops = hookedFs(({ name, args: [file] }) => {
    if (name === "openSync" && String(file).endsWith("cnxc.manifest.json"))
      fs.writeFileSync(lockOf(out), lockText(elsewhere, 7));
  });
  expect(await write(out, "new", ops)).toMatchObject({ diagnostics: [{ code: "output-lock-lost" }] });
  expect([state(out), besides(out)]).toEqual(["old", [".out.cnxc-lock"]]);
  expect(fs.readFileSync(lockOf(out), "utf8")).toBe(lockText(elsewhere, 7));
});

test("a lock beats while it is held", async () => {
  const out = path.join(newFolder(), "out");
  const texts = new Set<string>();
  const slow = async function* () {
    while (texts.size < 3) {
      texts.add(fs.readFileSync(lockOf(out), "utf8"));
      await new Promise(resolve => setTimeout(resolve, 50));
      yield new Uint8Array(1);
    }
  };
  const files = [{ path: "w.bin", contents: slow() }];
  const request = { directory: out, files, origin, inputs: [], project: path.dirname(out), followOutside: false };
  expect(await publish(request)).toMatchObject({ ok: true });
  expect(texts.size).toBe(3);
});
