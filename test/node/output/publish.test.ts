import * as fs from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { checkOutput } from "../../../src/node/output/check.ts";
import type { FsOps } from "../../../src/node/output/fs.ts";
import { manifestName } from "../../../src/node/output/manifest.ts";
import { type OutputFile, type Published, publish } from "../../../src/node/output/publish.ts";
import { hookedFs } from "../../support/faulty-fs.ts";
import { fill, newFolder, snapshot } from "../../support/folders.ts";

const origin = { compiler: "0.1.0", specs: [{ name: "a.cnx", sha256: "00" }], options: { dtype: "f32" } };
const textFiles = (files: Readonly<Record<string, string>>): readonly OutputFile[] =>
  Object.entries(files).map(([file, contents]) => ({ path: file, contents }));
const first = { "model.ts": "one", "wgsl/a.wgsl": "a", "wgsl/b.wgsl": "b" };
const second = { "model.ts": "two", "wgsl/a.wgsl": "a", "onnx/m.onnx": "o" };

const request = (directory: string, files: Readonly<Record<string, string>>, more: { fs?: FsOps } = {}) => ({
  directory,
  files: textFiles(files),
  origin,
  inputs: [],
  project: path.dirname(directory),
  followOutside: false,
  ...more,
});
async function published(directory: string, files: Readonly<Record<string, string>>): Promise<Published> {
  const result = await publish(request(directory, files));
  if (!result.ok) throw new Error(result.diagnostics.map(({ message }) => message).join());
  return result.value;
}
const codes = async (work: Promise<{ readonly diagnostics: readonly { readonly code: string }[] }>) =>
  (await work).diagnostics.map(({ code }) => code);

test("a new directory holds the files and a sorted manifest, and nothing lies beside it", async () => {
  const folder = newFolder();
  const out = path.join(folder, "deep", "out");
  expect(await published(out, first)).toMatchObject({ written: Object.keys(first), unchanged: [], kept: [] });
  const { "cnxc.manifest.json": manifest, ...files } = snapshot(out) ?? {};
  expect(files).toEqual(first);
  expect(JSON.parse(manifest ?? "")).toMatchObject({
    format: 2,
    compiler: "0.1.0",
    specs: [
      {
        path: "a.cnx",
        sha256: "00",
        options: { dtype: "f32" },
        files: [
          { path: "model.ts", size: 3, sha256: "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed" },
          { path: "wgsl/a.wgsl", size: 1 },
          { path: "wgsl/b.wgsl", size: 1 },
        ],
      },
    ],
  });
  expect(fs.readdirSync(path.dirname(out))).toEqual(["out"]);
});

test("D32: nothing changed, nothing touched", async () => {
  const out = path.join(newFolder(), "out");
  await published(out, first);
  const times = () =>
    ["", "model.ts", "wgsl/a.wgsl", "cnxc.manifest.json"].map(
      file => fs.statSync(path.join(out, file), { bigint: true }).mtimeNs,
    );
  const before = times();
  expect(await published(out, first)).toMatchObject({ written: [], unchanged: Object.keys(first) });
  expect(times()).toEqual(before);
});

test("D32, D33: what is unchanged keeps its time, what is stale goes, what is the user's stays", async () => {
  const out = path.join(newFolder(), "out");
  await published(out, first);
  fill(out, { "notes.md": "mine", "wgsl/mine.txt": "mine", "own/deep/x": "mine" });
  fs.mkdirSync(path.join(out, "empty"));
  fs.symlinkSync("notes.md", path.join(out, "link"));
  const before = fs.statSync(path.join(out, "wgsl/a.wgsl"), { bigint: true });
  const result = await published(out, second);
  expect(result).toMatchObject({
    written: ["model.ts", "onnx/m.onnx"],
    unchanged: ["wgsl/a.wgsl"],
    removed: ["wgsl/b.wgsl"],
    kept: ["empty", "link", "notes.md", "own", "wgsl/mine.txt"],
  });
  const after = fs.statSync(path.join(out, "wgsl/a.wgsl"), { bigint: true });
  expect([after.mtimeNs, after.ino]).toEqual([before.mtimeNs, before.ino]);
  const { "cnxc.manifest.json": _, ...rest } = snapshot(out) ?? {};
  expect(rest).toEqual({
    ...second,
    "empty/": "",
    link: "-> notes.md",
    "notes.md": "mine",
    "own/deep/x": "mine",
    "wgsl/mine.txt": "mine",
  });
});

test("a user's folder moves over whole when none of our files is in it any more", async () => {
  const out = path.join(newFolder(), "out");
  await published(out, first);
  fill(out, { "wgsl/mine.txt": "mine" });
  await published(out, { "model.ts": "one" });
  expect(Object.keys(snapshot(out) ?? {})).toEqual(["cnxc.manifest.json", "model.ts", "wgsl/mine.txt"]);
});

test("a user's folder that we begin to write to keeps what is in it", async () => {
  const out = path.join(newFolder(), "out");
  await published(out, first);
  fill(out, { "onnx/mine.txt": "mine" });
  expect((await published(out, second)).kept).toEqual(["onnx/mine.txt"]);
  expect(snapshot(out)).toMatchObject({ ...second, "onnx/mine.txt": "mine" });
});

test("a file that somebody deleted is written again", async () => {
  const out = path.join(newFolder(), "out");
  await published(out, first);
  fs.rmSync(path.join(out, "wgsl/a.wgsl"));
  expect((await published(out, first)).written).toEqual(["wgsl/a.wgsl"]);
});

test("a file that somebody edited is theirs: it is not replaced, and not removed", async () => {
  const out = path.join(newFolder(), "out");
  await published(out, first);
  fill(out, { "model.ts": "ONE", "wgsl/b.wgsl": "B" });
  const before = snapshot(out);
  const refused = await publish(request(out, first));
  expect(refused).toMatchObject({
    ok: false,
    diagnostics: [{ code: "output-edited", place: { file: path.join(out, "model.ts") } }],
  });
  expect(refused.diagnostics[0]?.message).toContain("nor is another");
  expect(snapshot(out)).toEqual(before);
  fs.rmSync(path.join(out, "model.ts"));
  const result = await published(out, second);
  expect(result).toMatchObject({ written: ["model.ts", "onnx/m.onnx"], removed: [], kept: ["wgsl/b.wgsl"] });
  expect(snapshot(out)).toMatchObject({ ...second, "wgsl/b.wgsl": "B" });
});

test("a file that is edited while the new output is made is not lost", async () => {
  const out = path.join(newFolder(), "out");
  await published(out, first);
  const edit = hookedFs(({ name, args: [file] }) => {
    if (name === "openSync" && String(file).endsWith(manifestName)) fill(out, { "wgsl/b.wgsl": "B" });
  });
  expect(await publish(request(out, second, { fs: edit }))).toMatchObject({ value: { kept: ["wgsl/b.wgsl"] } });
  expect(snapshot(out)).toMatchObject({ ...second, "wgsl/b.wgsl": "B" });
});

test("a manifest that lies in a folder proves nothing by itself", async () => {
  const folder = newFolder();
  fill(folder, { "src/main.c": "precious", "model.ts": "mine" });
  fs.symlinkSync("src/main.c", path.join(folder, "link.c"));
  const listed = ["src/main.c", "model.ts", "link.c", "gone.c"].map(file => ({ path: file, size: 1, sha256: "00" }));
  fill(folder, {
    [manifestName]: JSON.stringify({
      format: 1,
      compiler: "0.1.0",
      spec: { name: "a.cnx", sha256: "00" },
      options: {},
      files: listed,
    }),
  });
  expect(await codes(publish(request(folder, first)))).toEqual(["output-edited"]);
  const other = { "other.ts": "o" };
  expect((await published(folder, other)).kept).toEqual(["link.c", "model.ts", "src"]);
  expect(snapshot(folder)).toMatchObject({ "src/main.c": "precious", "model.ts": "mine", "link.c": "-> src/main.c" });
});

test("streams are written, and left alone when their bytes are there already", async () => {
  const out = path.join(newFolder(), "out");
  const stream = async function* () {
    for (let i = 0; i < 5; i++) yield new Uint8Array(700_000).fill(i);
  };
  const files = () => [{ path: "w.bin", contents: stream() }, ...textFiles(first)];
  expect(await publish({ ...request(out, first), files: files() })).toMatchObject({ ok: true });
  const before = fs.statSync(path.join(out, "w.bin"), { bigint: true });
  expect(before.size).toBe(3_500_000n);
  const again = await publish({ ...request(out, first), files: files() });
  expect(again).toMatchObject({ ok: true, value: { written: [] } });
  expect(fs.statSync(path.join(out, "w.bin"), { bigint: true }).mtimeNs).toBe(before.mtimeNs);
  expect(await checkOutput({ ...request(out, first), files: files() })).toMatchObject({ value: { findings: [] } });
});

test("C16, C17, C18: what is not ours to replace is refused and untouched", async () => {
  const folder = newFolder();
  fill(folder, { "foreign/x": "x", file: "f", "inputs/a.cnx": "spec" });
  fs.mkdirSync(path.join(folder, "empty"));
  const before = snapshot(folder);
  const out = (name: string) => request(path.join(folder, name), first);
  expect(await codes(publish(out("foreign")))).toEqual(["output-foreign"]);
  expect(await codes(publish(out("file")))).toEqual(["not-a-directory"]);
  const spec = path.join(folder, "inputs", "a.cnx");
  expect(await codes(publish({ ...out("inputs"), inputs: [spec] }))).toEqual(["output-holds-input"]);
  expect(await codes(publish({ ...request(folder, first), inputs: [spec] }))).toEqual(["output-holds-input"]);
  expect(await codes(publish(request(`${folder}/\0`, first)))).toEqual(["bad-path"]);
  expect(await codes(publish(request(`${folder}/${"x".repeat(5000)}`, first)))).toEqual(["bad-path"]);
  expect(snapshot(folder)).toEqual(before);
  expect(await codes(publish(out("empty")))).toEqual([]);
});

test("D13: a directory that is a link is followed inside the project only", async () => {
  const [inside, outside] = [newFolder(), newFolder()];
  fs.mkdirSync(path.join(inside, "real"));
  fs.symlinkSync(path.join(inside, "real"), path.join(inside, "out"));
  fs.symlinkSync(outside, path.join(inside, "away"));
  expect(await published(path.join(inside, "out"), first)).toMatchObject({ directory: path.join(inside, "real") });
  expect(fs.readlinkSync(path.join(inside, "out"))).toBe(path.join(inside, "real"));
  const away = request(path.join(inside, "away"), first);
  expect(await codes(publish(away))).toEqual(["output-outside"]);
  expect(snapshot(outside)).toEqual({});
  expect(await codes(publish({ ...away, followOutside: true }))).toEqual([]);
  expect(Object.keys(snapshot(outside) ?? {})).toContain("model.ts");
});

test("D14: a file that became a link is replaced, what it led to is not", async () => {
  const folder = newFolder();
  const out = path.join(folder, "out");
  await published(out, first);
  fill(folder, { precious: "one" });
  fs.rmSync(path.join(out, "model.ts"));
  fs.symlinkSync(path.join(folder, "precious"), path.join(out, "model.ts"));
  await published(out, second);
  expect(fs.lstatSync(path.join(out, "model.ts")).isFile()).toBe(true);
  expect(snapshot(folder)).toMatchObject({ precious: "one", "out/model.ts": "two" });
});

test("D16, D17: folders for files, links for folders, and a user's file in the way are refused", async () => {
  const folder = newFolder();
  const broken = async (name: string, breakIt: (out: string) => void, next: Readonly<Record<string, string>>) => {
    const out = path.join(folder, name);
    await published(out, first);
    breakIt(out);
    const before = snapshot(folder);
    const found = await codes(publish(request(out, next)));
    expect(snapshot(folder)).toEqual(before);
    return found;
  };
  const folderForFile = (out: string) => {
    fs.rmSync(path.join(out, "model.ts"));
    fill(out, { "model.ts/x": "x" });
  };
  const linkForFolder = (out: string) => {
    fs.renameSync(path.join(out, "wgsl"), path.join(folder, "elsewhere"));
    fs.symlinkSync(path.join(folder, "elsewhere"), path.join(out, "wgsl"));
  };
  expect(await broken("a", folderForFile, second)).toEqual(["not-a-file"]);
  expect(await broken("b", linkForFolder, second)).toEqual(["output-redirected"]);
  expect(await broken("c", out => fill(out, { "onnx/m.onnx": "mine" }), second)).toEqual(["output-foreign"]);
  expect(await broken("d", out => fill(out, { "n.ts": "mine" }), { "n.ts": "ours" })).toEqual(["output-foreign"]);
});

test("a manifest that is not exactly ours is damage, and a later one is not ours to touch", async () => {
  const folder = newFolder();
  const out = path.join(folder, "out");
  const file = path.join(out, "cnxc.manifest.json");
  await published(out, first);
  const good = fs.readFileSync(file, "utf8");
  const tampered: readonly (readonly [string, string])[] = [
    ["{", "output-damaged"],
    ["[]", "output-damaged"],
    [good.replace("wgsl/a.wgsl", "../a.wgsl"), "output-damaged"],
    [good.replace("wgsl/a.wgsl", "wgsl/b.wgsl"), "output-damaged"],
    [good.replace('"specs"', '"spec"'), "output-damaged"],
    [good.replace('"path": "a.cnx"', '"path": 1'), "output-damaged"],
    [good.replace('"format": 2', '"format": 3'), "output-newer"],
  ];
  for (const [text, code] of tampered) {
    fs.writeFileSync(file, text);
    expect(await codes(publish(request(out, second)))).toEqual([code]);
  }
  expect(snapshot(out)).toMatchObject(first);
});

test("--check lists what is stale, missing and extra, and writes nothing", async () => {
  const folder = newFolder();
  const out = path.join(folder, "out");
  const check = (files: Readonly<Record<string, string>>) => checkOutput(request(out, files));
  expect(await check({ "a.ts": "a" })).toMatchObject({
    value: {
      findings: [
        { path: "a.ts", status: "missing" },
        { path: "cnxc.manifest.json", status: "missing" },
      ],
    },
  });
  expect(snapshot(folder)).toEqual({});
  await published(out, first);
  fill(out, { "notes.md": "mine" });
  const before = snapshot(folder);
  expect(await check(first)).toMatchObject({ value: { findings: [], kept: ["notes.md"] } });
  expect(await check(second)).toMatchObject({
    value: {
      findings: [
        { path: "cnxc.manifest.json", status: "stale" },
        { path: "model.ts", status: "stale" },
        { path: "onnx/m.onnx", status: "missing" },
        { path: "wgsl/b.wgsl", status: "extra" },
      ],
    },
  });
  expect(snapshot(folder)).toEqual(before);
});
