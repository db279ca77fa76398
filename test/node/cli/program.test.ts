import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { version } from "../../../src/node/process/version.ts";
import { cnxc } from "../../support/cli.ts";
import { type CliResult, cliFile } from "../../support/cli-process.ts";
import { fill, newFolder } from "../../support/folders.ts";

const spec = "model tiny {\n  depths [1, 1]\n  dims   [8, 16]\n  input  32x32x3\n}\n";
const wrong = spec.replace("32x32", "3x32");
const kindsOf = ({ stderr }: CliResult) => [...stderr.matchAll(/^error\[(\w+)\//gm)].map(match => match[1]);
const answer = (result: CliResult) => ({ code: result.code, kinds: kindsOf(result), stdout: result.stdout });

test("C01: no arguments give the usage on standard error", async () => {
  const result = await cnxc([]);
  expect(answer(result)).toEqual({ code: 2, kinds: ["E_USAGE"], stdout: "" });
  expect(result.stderr).toContain("Usage: cnxc");
});

test.each([
  [["chek"], "unknown command 'chek', did you mean 'check'?"],
  [["qwertz"], "unknown command 'qwertz'"],
  [["check", "--jsno", "x"], "unknown option '--jsno', did you mean '--json'?"],
  [["fmt", "--chek", "x"], "unknown option '--chek', did you mean '--check'?"],
  [["check"], "missing required argument 'spec'"],
])("C02: %j is a usage error", async (words, sentence) => {
  const result = await cnxc(words);
  expect(answer(result)).toEqual({ code: 2, kinds: ["E_USAGE"], stdout: "" });
  expect(result.stderr).toContain(`: ${sentence}\n`);
  const json = await cnxc([...words, "--json"]);
  expect(JSON.parse(json.stdout)).toMatchObject({ ok: false, diagnostics: [{ kind: "E_USAGE", file: null }] });
});

test("O02: huge does not fit into one ONNX file, and nothing is written", async () => {
  const folder = newFolder();
  const spec = path.resolve("specs/convnextv2.cnx");
  const words = ["compile", spec, "-m", "huge", "-t", "onnx", "--onnx-inline", "-o", "out"];
  for (const weights of [[], ["-w", "random:1"]]) {
    const result = await cnxc([...words, ...weights], { cwd: folder });
    expect(answer(result)).toEqual({ code: 3, kinds: ["E_SPEC_LIMIT"], stdout: "" });
    expect(result.stderr).toContain("2.64 GB");
  }
  expect(fs.readdirSync(folder)).toEqual([]);
});

test("help and version go to standard output", async () => {
  expect(answer(await cnxc(["--version"]))).toEqual({ code: 0, kinds: [], stdout: `${version}\n` });
  const help = await cnxc(["--help"]);
  expect([help.code, help.stderr]).toEqual([0, ""]);
  for (const part of ["Usage: cnxc", "check", "fmt", "Examples:", "Exit codes:"]) expect(help.stdout).toContain(part);
  expect((await cnxc(["check", "--help", "--json"])).stdout).toContain("Usage: cnxc check");
});

test("C05: after -- everything is a file", async () => {
  const folder = newFolder();
  fill(folder, { "-x.cnx": spec, "--json": spec });
  expect(answer(await cnxc(["check", "--", "-x.cnx", "--json"], { cwd: folder }))).toEqual({
    code: 0,
    kinds: [],
    stdout: "-x.cnx: 1 model\n--json: 1 model\n",
  });
});

test("C06, C08, C21: what cannot be read says why", async () => {
  const folder = newFolder();
  fill(folder, { "secret.cnx": spec, "file/a.cnx": spec });
  spawnSync("mkfifo", [path.join(folder, "pipe")]);
  const check = async (file: string) => answer(await cnxc(["check", file], { cwd: folder }));
  expect(await check("gone.cnx")).toMatchObject({ code: 6, kinds: ["E_IO_NOTFOUND"] });
  expect(await check("file")).toMatchObject({ code: 6, kinds: ["E_IO_NOTFILE"] });
  expect(await check("pipe")).toMatchObject({ code: 6, kinds: ["E_IO_NOTFILE"] });
  expect(await check("/dev/zero")).toMatchObject({ code: 6, kinds: ["E_IO_NOTFILE"] });
  expect(await check("x".repeat(5000))).toMatchObject({ code: 2, kinds: ["E_USAGE"] });
  expect(await check("")).toMatchObject({ code: 2, kinds: ["E_USAGE"] });
  fs.chmodSync(path.join(folder, "secret.cnx"), 0);
  const root = process.getuid?.() === 0;
  expect(await check("secret.cnx")).toMatchObject(root ? { code: 0 } : { code: 6, kinds: ["E_IO_PERM"] });
});

test("S17, S18, C09: size counts before anything is read, and standard input has an end", async () => {
  const folder = newFolder();
  const file = path.join(folder, "large.cnx");
  fs.writeFileSync(file, "");
  fs.truncateSync(file, 2 ** 30);
  expect(answer(await cnxc(["check", file]))).toMatchObject({ code: 3, kinds: ["E_SPEC_TOO_LARGE"] });
  fs.truncateSync(file, 256 * 1024 + 1);
  expect(answer(await cnxc(["check", file]))).toMatchObject({ code: 3, kinds: ["E_SPEC_TOO_LARGE"] });
  expect(answer(await cnxc(["check", "-"]))).toMatchObject({ code: 3, kinds: ["E_SPEC_EMPTY"] });
  expect(answer(await cnxc(["check", "-"], { input: spec }))).toEqual({ code: 0, kinds: [], stdout: "-: 1 model\n" });
  expect(answer(await cnxc(["check", "-"], { input: " ".repeat(300_000) }))).toMatchObject({ code: 3 });
});

test("C09: endless standard input is cut off", async () => {
  const child = spawn(process.execPath, [cliFile, "check", "-"], { stdio: ["pipe", "ignore", "ignore"] });
  child.stdin.on("error", () => {}); // it stops listening
  const timer = setInterval(() => child.stdin.write("// more\n".repeat(8192)), 1);
  const code = await new Promise(resolve => child.on("close", resolve));
  clearInterval(timer);
  expect(code).toBe(3);
});

test("C10: a closed standard output is no crash", () => {
  const many = Array.from({ length: 3000 }, () => "a.cnx").join(" ");
  const folder = newFolder();
  fill(folder, { "a.cnx": spec });
  const command = `{ "${process.execPath}" "${cliFile}" check ${many}; echo "code $?" >&2; } | true`;
  const { stderr } = spawnSync("bash", ["-c", command], { cwd: folder, encoding: "utf8" });
  expect(stderr).not.toMatch(/\n\s+at /);
  expect(stderr).toMatch(/code (0|6)\n/);
});

test("C12: language, time zone and a missing home change nothing", async () => {
  const folder = newFolder();
  fill(folder, { "a.cnx": wrong });
  const plain = await cnxc(["check", "a.cnx"], { cwd: folder });
  const env = { LANG: "tr_TR.UTF-8", LC_ALL: "tr_TR.UTF-8", TZ: "Asia/Kathmandu", HOME: undefined, TMPDIR: undefined };
  expect(await cnxc(["check", "a.cnx"], { cwd: folder, env })).toEqual(plain);
  expect(plain.code).toBe(3);
});

test("C13: a deleted current directory", () => {
  const folder = path.join(newFolder(), "gone");
  fs.mkdirSync(folder);
  const command = `rmdir "${folder}" && exec "${process.execPath}" "${cliFile}" check a.cnx`;
  const { status, stderr } = spawnSync("bash", ["-c", command], {
    cwd: folder,
    encoding: "utf8",
    env: { NO_COLOR: "1" },
  });
  expect([status, stderr]).toEqual([6, expect.stringContaining("error[E_IO_NOTFOUND/current-directory-gone]")]);
});

test("--json prints one object, and nothing else anywhere", async () => {
  const folder = newFolder();
  fill(folder, { "good.cnx": spec, "bad.cnx": wrong });
  const { code, stdout, stderr } = await cnxc(["check", "good.cnx", "bad.cnx", "--json"], { cwd: folder });
  expect([code, stderr]).toEqual([3, ""]);
  expect(stdout).toMatch(/^\{.*\}\n$/);
  expect(JSON.parse(stdout)).toEqual({
    schemaVersion: 1,
    ok: false,
    diagnostics: [expect.objectContaining({ kind: "E_SPEC_SHAPE", file: "bad.cnx", line: 4, column: 10 })],
    outputs: [],
  });
  expect(JSON.parse((await cnxc(["check", "good.cnx", "--json"], { cwd: folder })).stdout)).toMatchObject({ ok: true });
});

test("J20: a file name cannot talk to the terminal", async () => {
  const folder = newFolder();
  const name = "a\u001b[2Jb.cnx";
  fill(folder, { [name]: wrong });
  const { stderr } = await cnxc(["check", name], { cwd: folder });
  expect(stderr).toContain("a\\u{1b}[2Jb.cnx:4:10");
});

test("colour only where it is wanted", async () => {
  const folder = newFolder();
  fill(folder, { "a.cnx": wrong });
  const stderr = async (env: Readonly<Record<string, string | undefined>>) =>
    (await cnxc(["check", "a.cnx"], { cwd: folder, env })).stderr;
  expect(await stderr({})).not.toContain("\u001b[");
  expect(await stderr({ NO_COLOR: undefined })).not.toContain("\u001b[");
  expect(await stderr({ NO_COLOR: undefined, CI: "true" })).not.toContain("\u001b[");
  expect(await stderr({ NO_COLOR: undefined, FORCE_COLOR: "1" })).toContain("\u001b[31m");
});

describe("fmt leaves a spec as it is that no command would read as it should be laid out", () => {
  const models = Array.from({ length: 1000 }, (_, i) => `model m${i}{depths[1]dims[4]input 32x32x3}`).join("");
  const filled = (bytes: number, of: string): string => `/*${"x".repeat(bytes - of.length - 4)}*/${of}`;
  const nested = `model m { ${"a { ".repeat(60)}${"b 1 ".repeat(3000)}${"} ".repeat(60)} }`;
  const cases: Readonly<Record<string, readonly [files: Readonly<Record<string, string>>, why: string]>> = {
    "S16: too many bytes": [{ "a.cnx": filled(262_144, models) }, "bytes, more than the 262144"],
    "S20: groups in groups": [{ "a.cnx": nested }, "bytes, more than the 262144"],
    "S45: too much with what it imports": [
      {
        "a.cnx": `import "b.cnx" import "c.cnx" ${models}`,
        "b.cnx": filled(262_144, "model x1{depths[1]dims[4]input 32x32x3}"),
        "c.cnx": filled(262_144 - models.length - 30, "model x2{depths[1]dims[4]input 32x32x3}"),
      },
      "the spec and its imports together",
    ],
  };
  test.each(Object.keys(cases))("%s", async name => {
    const [files, why] = cases[name] as (typeof cases)[string];
    const folder = newFolder();
    fill(folder, files);
    const before = await cnxc(["check", "a.cnx"], { cwd: folder });
    const { code, stderr } = await cnxc(["fmt", "a.cnx"], { cwd: folder });
    expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringContaining("E_SPEC_LIMIT/format-too-large") });
    expect(stderr).toContain(why);
    expect(fs.readFileSync(path.join(folder, "a.cnx"), "utf8")).toBe(files["a.cnx"]);
    if (name !== "S20: groups in groups") expect(before).toMatchObject({ code: 0, stderr: "" });
  });
});

test("fmt lays out in place, keeps mode and links, and is done the second time", async () => {
  const folder = newFolder();
  const messy = spec.replaceAll("  ", " ");
  fill(folder, { "a.cnx": messy, "good.cnx": spec });
  fs.chmodSync(path.join(folder, "a.cnx"), 0o640);
  fs.symlinkSync("a.cnx", path.join(folder, "link.cnx"));
  const text = () => fs.readFileSync(path.join(folder, "a.cnx"), "utf8");
  const run = (...words: string[]) => cnxc(["fmt", ...words], { cwd: folder });

  expect(answer(await run("--check", "a.cnx", "good.cnx"))).toEqual({ code: 1, kinds: ["E_CHECK"], stdout: "" });
  expect(text()).toBe(messy);
  expect(answer(await run("link.cnx"))).toEqual({ code: 0, kinds: [], stdout: "" });
  expect(text()).toBe(spec);
  expect(fs.statSync(path.join(folder, "a.cnx")).mode & 0o777).toBe(0o640);
  expect(fs.readlinkSync(path.join(folder, "link.cnx"))).toBe("a.cnx");
  expect(fs.readdirSync(folder).sort()).toEqual(["a.cnx", "good.cnx", "link.cnx"]);
  const { mtimeMs } = fs.statSync(path.join(folder, "a.cnx"));
  expect(JSON.parse((await run("--json", "a.cnx")).stdout).outputs).toEqual([{ path: "a.cnx", status: "unchanged" }]);
  expect(fs.statSync(path.join(folder, "a.cnx")).mtimeMs).toBe(mtimeMs);
  expect((await cnxc(["fmt", "-"], { input: messy })).stdout).toBe(spec);
  expect(answer(await run("--check", "a.cnx"))).toEqual({ code: 0, kinds: [], stdout: "" });
});
