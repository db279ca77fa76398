import * as fs from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { checkOutput } from "../../../src/node/output/check.ts";
import type { FsOps } from "../../../src/node/output/fs.ts";
import { manifestName } from "../../../src/node/output/manifest.ts";
import { type Origin, publish } from "../../../src/node/output/publish.ts";
import { errno, hookedFs } from "../../support/faulty-fs.ts";
import { fill, newFolder, snapshot } from "../../support/folders.ts";
import { full } from "../../support/full.ts";

/** A project with two specs, and an output folder for both. */
function project() {
  const folder = newFolder();
  fill(folder, { "a.cnx": "a", "sub/a.cnx": "another" });
  const out = path.join(folder, "out");
  const request = (
    spec: string,
    files: Readonly<Record<string, string>>,
    more: { fs?: FsOps; partial?: boolean } = {},
  ) => {
    const { partial = false, ...rest } = more;
    const folders = [...new Set(Object.keys(files).map(file => file.split("/")[0] ?? ""))];
    const file = path.join(folder, spec);
    const origin: Origin = {
      compiler: "0.1.0",
      specs: [{ name: path.basename(spec), sha256: "00", file, folders }],
      options: {},
      partial,
    };
    const listed = Object.entries(files).map(([at, contents]) => ({ path: at, contents }));
    return { directory: out, files: listed, origin, inputs: [], project: folder, followOutside: false, ...rest };
  };
  const files = () => Object.keys(snapshot(out) ?? {}).filter(file => file !== manifestName);
  return { folder, out, request, files };
}

const codes = async (work: Promise<{ readonly diagnostics: readonly { readonly code: string }[] }>) =>
  (await work).diagnostics.map(({ code }) => code);

const cats = { "cats/cats.js": "c", "cats/wgsl/a.wgsl": "a" };
const dogs = { "dogs/dogs.js": "d" };

test("a second spec leaves what the first one gave, and each replaces its own alone", async () => {
  const { out, request, files } = project();
  await publish(request("a.cnx", cats));
  const time = fs.statSync(path.join(out, "cats/cats.js"), { bigint: true }).mtimeNs;
  expect(await publish(request("sub/a.cnx", dogs))).toMatchObject({
    value: { written: Object.keys(dogs), removed: [], others: Object.keys(cats), kept: [] },
  });
  expect(fs.statSync(path.join(out, "cats/cats.js"), { bigint: true }).mtimeNs).toBe(time);
  expect(await publish(request("a.cnx", { "cats/cats.js": "c" }))).toMatchObject({
    value: { written: [], removed: ["cats/wgsl/a.wgsl"], others: Object.keys(dogs) },
  });
  expect(files()).toEqual(["cats/cats.js", "dogs/dogs.js"]);
  const { specs } = JSON.parse(fs.readFileSync(path.join(out, manifestName), "utf8"));
  expect(specs.map(({ path }: { path: string }) => path)).toEqual(["../a.cnx", "../sub/a.cnx"]);
});

test("the order of the commands shows in no byte, and what one spec gives stays right for --check", async () => {
  const [one, two] = [project(), project()];
  await publish(one.request("a.cnx", cats));
  await publish(one.request("sub/a.cnx", dogs));
  await publish(two.request("sub/a.cnx", dogs));
  await publish(two.request("a.cnx", cats));
  expect(snapshot(two.out)).toEqual(snapshot(one.out));
  for (const [spec, files] of [
    ["a.cnx", cats],
    ["sub/a.cnx", dogs],
  ] as const)
    expect(await checkOutput(one.request(spec, files))).toMatchObject({ value: { findings: [], kept: [] } });
  expect(await checkOutput(one.request("a.cnx", { "cats/cats.js": "new" }))).toMatchObject({
    value: {
      findings: [
        { path: "cats/cats.js", status: "stale" },
        { path: "cats/wgsl/a.wgsl", status: "extra" },
        { path: manifestName, status: "stale" },
      ],
    },
  });
});

test("the folder of another spec's model is not written to, in whatever case, until it is deleted", async () => {
  const { out, request, files } = project();
  await publish(request("a.cnx", cats));
  const before = snapshot(out);
  for (const clash of [{ "cats/onnx/model.onnx": "o" }, { "Cats/cats.js": "c" }]) {
    const refused = await publish(request("sub/a.cnx", { ...dogs, ...clash }));
    expect(refused).toMatchObject({
      diagnostics: [{ code: "output-of-another", place: { file: path.join(out, "cats") } }],
    });
    expect(refused.diagnostics[0]?.message).toContain("'../a.cnx'");
    expect(await codes(checkOutput(request("sub/a.cnx", clash)))).toEqual(["output-of-another"]);
  }
  expect(snapshot(out)).toEqual(before);
  fs.rmSync(path.join(out, "cats"), { recursive: true });
  expect(await publish(request("sub/a.cnx", { "cats/onnx/model.onnx": "o" }))).toMatchObject({ ok: true });
  expect(files()).toEqual(["cats/onnx/model.onnx"]);
});

test("a command for some of a spec's models leaves its others", async () => {
  const { request, files } = project();
  await publish(request("a.cnx", { ...cats, ...dogs }));
  const one = await publish(request("a.cnx", { "cats/cats.js": "C" }, { partial: true }));
  expect(one).toMatchObject({
    value: { written: ["cats/cats.js"], removed: ["cats/wgsl/a.wgsl"], others: Object.keys(dogs) },
  });
  expect(await checkOutput(request("a.cnx", dogs, { partial: true }))).toMatchObject({ value: { findings: [] } });
  await publish(request("a.cnx", dogs));
  expect(files()).toEqual(["dogs/dogs.js"]);
});

test("what the user has changed of another spec's stays as it is, and is known to be changed", async () => {
  const { out, request } = project();
  await publish(request("a.cnx", cats));
  fill(out, { "cats/cats.js": "mine", "notes.md": "mine" });
  fs.rmSync(path.join(out, "cats/wgsl/a.wgsl"));
  fs.symlinkSync("../../notes.md", path.join(out, "cats/wgsl/a.wgsl"));
  expect(await publish(request("sub/a.cnx", dogs))).toMatchObject({
    value: { others: [], kept: ["cats", "notes.md"] },
  });
  expect(snapshot(out)).toMatchObject({ "cats/cats.js": "mine", "cats/wgsl/a.wgsl": "-> ../../notes.md", ...dogs });
  expect(await codes(publish(request("a.cnx", cats)))).toEqual(["output-edited"]);
});

test("a file of another spec that is changed in the last moment stays", async () => {
  const { out, request } = project();
  await publish(request("a.cnx", cats));
  const ops = hookedFs(({ name, args: [file] }) => {
    if (name === "openSync" && String(file).endsWith(`cnxc-tmp/${manifestName}`))
      fill(out, { "cats/cats.js": "mine!" });
    if (name === "chmodSync") fill(out, { "cats/cats.js": "mine!" });
  });
  expect(await codes(publish(request("sub/a.cnx", dogs, { fs: ops })))).toEqual(["output-edited"]);
  expect(snapshot(out)).toMatchObject({ "cats/cats.js": "mine!" });
});

test("wherever a command is ended, the other spec's files and what is the user's are there after the next", async () => {
  const prepared = async () => {
    const one = project();
    await publish(one.request("a.cnx", { ...cats, "cats/cats.ts": "t" }));
    fill(one.out, { "cats/wgsl/a.wgsl": "mine" });
    fs.rmSync(path.join(one.out, "cats/cats.ts"));
    fs.symlinkSync("cats.js", path.join(one.out, "cats/cats.ts"));
    return one;
  };
  let calls = 0;
  const counted = await prepared();
  await publish(counted.request("sub/a.cnx", dogs, { fs: hookedFs(() => void calls++) }));
  const whole = snapshot(counted.out);
  for (let k = 0; k < calls; k += full ? 1 : 3) {
    const { out, request } = await prepared();
    const dead = ({ index }: { readonly index: number }) => {
      if (index >= k) throw errno("EIO");
    };
    await publish(request("sub/a.cnx", dogs, { fs: hookedFs(dead) }));
    expect(await publish(request("sub/a.cnx", dogs))).toMatchObject({ ok: true });
    expect([k, snapshot(out)]).toEqual([k, whole]);
  }
});

test("the manifest names a far spec without the way to it, and one removes nothing of another of its name", async () => {
  const { out, request, files } = project();
  const far = (models: Readonly<Record<string, string>>) => {
    const { origin, ...rest } = request("a.cnx", models);
    const specs = origin.specs.map(spec => ({ ...spec, file: "/usr/a.cnx" }));
    return { ...rest, origin: { ...origin, specs } };
  };
  await publish(far(cats));
  expect(fs.readFileSync(path.join(out, manifestName), "utf8")).toContain('"path": "a.cnx"');
  expect(await publish(far(dogs))).toMatchObject({ value: { removed: [], others: Object.keys(cats) } });
  expect(await publish(far({ "cats/cats.js": "C" }))).toMatchObject({ value: { removed: ["cats/wgsl/a.wgsl"] } });
  expect(files()).toEqual(["cats/cats.js", "dogs/dogs.js"]);
});

test("a manifest of the first form has one spec, known by its name alone", async () => {
  const { out, request, files } = project();
  await publish(request("a.cnx", cats));
  const { specs } = JSON.parse(fs.readFileSync(path.join(out, manifestName), "utf8"));
  const old = {
    format: 1,
    compiler: "0.1.0",
    spec: { name: "a.cnx", sha256: "00" },
    options: {},
    files: specs[0].files,
  };
  fill(out, { [manifestName]: JSON.stringify(old) });
  expect(await publish(request("a.cnx", dogs))).toMatchObject({ value: { removed: Object.keys(cats) } });
  expect(files()).toEqual(Object.keys(dogs));
});
