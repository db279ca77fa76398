import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import type { Diagnostic } from "../../src/diagnostics/diagnostic.ts";
import { exitCodes } from "../../src/diagnostics/exit-codes.ts";
import { messages } from "../../src/diagnostics/messages.ts";
import { artifacts } from "../../src/node/jobs/artifacts/artifacts.ts";
import { artifactCorpus } from "../corpus/artifacts.ts";
import { dataFile, editManifest, kernelFile, modelFile } from "../corpus/artifacts-build.ts";
import { cnxc } from "../support/cli.ts";
import { snapshot } from "../support/folders.ts";
import { artefacts } from "./lay-out.ts";

const { root, compiled, layOut } = artefacts();

/** Every diagnostic points into a file or at all of it, and says one sentence. */
function sound(diagnostics: readonly Diagnostic[]): void {
  for (const { place, message } of diagnostics) {
    if (place !== null && "file" in place && place.offset !== null)
      expect(place.offset).toBeLessThan(Math.max(1, fs.statSync(place.file).size));
    expect(message).toMatch(/^\S.*[^.]$/s);
    expect(message.length).toBeLessThan(400);
  }
}

describe("the corpus of artefacts", () => {
  test.each(artifactCorpus)("$id: $title", async ({ change, expected }) => {
    const folder = layOut(change);
    const listed = () => fs.readdirSync(folder, { recursive: true }).sort();
    const before = listed();
    const found = await artifacts(folder);
    sound(found.diagnostics);
    const said = found.diagnostics.map(({ code }) => ({ kind: messages[code].kind, code }));
    expect(said.slice(0, 1)).toEqual(expected === null ? [] : [expected]);
    const isError = expected !== null && exitCodes[expected.kind] !== 0;
    expect(found.diagnostics.some(({ severity }) => severity === "error")).toBe(isError);
    expect(listed()).toEqual(before);
  });

  test("ids are unique and can be file names", () => {
    const ids = artifactCorpus.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^O\d\d-[A-Za-z0-9-]+$/);
  });

  test("every sentence about artefacts has a row", () => {
    const codes = Object.keys(messages).filter(code => /^(artifact|onnx)-/.test(code));
    expect(codes.filter(code => !artifactCorpus.some(({ expected }) => expected?.code === code))).toEqual([]);
    expect(codes.length).toBeGreaterThan(9);
  });
});

describe("cnxc verify FOLDER", () => {
  test("what compile wrote is right, and is left as it is", async () => {
    const folder = layOut();
    const before = snapshot(folder);
    const { code, stdout, stderr } = await cnxc(["verify", folder]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^cnxc\.manifest\.json +right +\d+ files, [\d.]+ MB, by cnxc \d/m);
    expect(stdout).toMatch(
      /^micro\/onnx\/model\.onnx +right +opset 20, \d+ nodes, \d+ initializers, weights in a file/m,
    );
    expect(snapshot(folder)).toEqual(before);
  });

  test("O21: a byte changed, a file missing: exit 1, each named, at most 20", async () => {
    const folder = layOut();
    fs.writeFileSync(path.join(folder, kernelFile), "other");
    const one = await cnxc(["verify", folder, "--json"]);
    expect(one.code).toBe(1);
    expect(JSON.parse(one.stdout)).toMatchObject({
      ok: false,
      diagnostics: [{ kind: "E_CHECK", code: "artifact-changed", file: path.join(folder, kernelFile) }],
      result: { wrong: [kernelFile], models: [{ path: modelFile, weights: "outside" }] },
    });
    const kernels = path.join(folder, path.dirname(kernelFile));
    const removed = fs.readdirSync(kernels).length;
    expect(removed).toBeGreaterThan(20);
    fs.rmSync(kernels, { recursive: true });
    const all = await cnxc(["verify", folder]);
    expect(all.code).toBe(1);
    expect(all.stderr.match(/^error\[E_CHECK\/artifact-missing\]/gm)).toHaveLength(20);
    expect(all.stderr).toContain(`and ${removed - 20} more`);
  });

  test("O25: unknown files are reported, and stay", async () => {
    const folder = layOut(folder => fs.writeFileSync(path.join(folder, "notes.txt"), "mine"));
    const { code, stdout } = await cnxc(["verify", folder, "--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).outputs).toEqual([{ path: "notes.txt", status: "kept" }]);
    expect(fs.readFileSync(path.join(folder, "notes.txt"), "utf8")).toBe("mine");
  });

  test.each([
    { id: "O04-location-1", code: 4 },
    { id: "O06-missing", code: 6 },
    { id: "O10-class", code: 0 },
    { id: "O24-newer", code: 4 },
  ])("$id exits with $code", async ({ id, code }) => {
    const row = artifactCorpus.find(row => row.id === id);
    const found = await cnxc(["verify", layOut(row?.change)]);
    expect(found.code).toBe(code);
    expect(found.stderr).toContain(`[${row?.expected?.kind}/${row?.expected?.code}]`);
  });

  test("one ONNX file is checked alone", async () => {
    const folder = layOut();
    const file = path.join(folder, modelFile);
    expect(await cnxc(["verify", file])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^model\.onnx +right/m),
    });
    fs.rmSync(path.join(folder, dataFile));
    expect(await cnxc(["verify", file])).toMatchObject({ code: 6, stderr: expect.stringContaining("model.onnx_data") });
    expect((await cnxc(["verify", path.join(folder, "none.onnx")])).code).toBe(6);
    // A file is a spec unless it ends in .onnx.
    expect((await cnxc(["verify", path.join(folder, kernelFile), "--on", "onnx"])).code).toBe(3);
  });

  test("options of a comparison are refused", async () => {
    const { code, stderr } = await cnxc(["verify", compiled, "--on", "onnx", "--batch", "1"]);
    expect(code).toBe(2);
    expect(stderr).toContain("--on, --batch cannot be had here");
  });

  test("D20: while a compile holds the folder, what is half done is looked at again", async () => {
    const folder = layOut(folder => fs.linkSync(path.join(folder, kernelFile), path.join(folder, "..", "second-name")));
    const lock = path.join(root, `.${path.basename(folder)}.cnxc-lock`);
    fs.writeFileSync(lock, `${process.pid}\n`);
    const child = spawn("sh", ["-c", `sleep 1; rm "${path.join(root, "second-name")}" "${lock}"`]);
    const ended = new Promise(resolve => child.once("exit", resolve));
    expect((await artifacts(folder)).diagnostics).toEqual([]);
    await ended;
  });
});

test("a manifest of another machine's making changes nothing", async () => {
  const folder = layOut(folder => editManifest(folder, manifest => manifest.specs[0].files.reverse()));
  expect((await cnxc(["verify", folder])).code).toBe(0);
});
