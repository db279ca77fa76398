import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { Command } from "commander";
import { describe, expect, test } from "vitest";
import { commands } from "../../../src/node/cli/commands.ts";
import { f32Tensor } from "../../../src/weights/formats/safetensors.ts";
import { cliFile, cnxcProcess } from "../../support/cli-process.ts";
import { fill, newFolder } from "../../support/folders.ts";
import { writePng } from "../../support/png.ts";
import { writeTensors } from "../../support/tensors.ts";

const spec = `model m {
  depths [1]
  dims   [4]
  input  32x32x3
  head   classifier { classes 3 }
}
`;
const masked = `model m { depths [1,1] dims [4,8] input 64x64x3 head fcmae { decoder { dim 8 depth 1 } } }`;
const recipe = `${spec}train t { model m  batch 1  steps 1  schedule cosine { warmup 0 } }\n`;
const sweep = `${spec}sweep s extends m { mlp_ratio in [1, 2] }\n`;

/** What each command is asked, and of which spec, where the spec comes from standard input. */
const asked: Readonly<Record<string, readonly [spec: string, ...words: string[]]>> = {
  compile: [spec, "-", "-t", "onnx", "-w", "random:1", "-o", "out"],
  run: [spec, "-", "-w", "random:1", "-i", "in.safetensors", "--on", "reference", "--out", "o.safetensors"],
  verify: [spec, "-", "--on", "onnx"],
  classify: [spec, "-", "-w", "random:1", "a.png", "--on", "reference"],
  reconstruct: [masked, "-", "-w", "random:1", "--image", "b.png", "--on", "reference", "-o", "o.png"],
  explore: [sweep, "-"],
  tune: [spec, "-", "--on", "cuda-cpu", "--dtype", "f32", "--candidates", "1", "-o", "t.json"],
  train: [recipe, "-", "--batches", "batches.safetensors", "-w", "random:1", "--on", "reference", "-o", "run"],
  info: [spec, "-"],
  inspect: [spec, "-"],
  check: [spec, "-"],
  fmt: [spec, "-"],
};

async function layOut(): Promise<string> {
  const folder = newFolder();
  const image = f32Tensor("pixel_values", [1, 3, 32, 32], () => new Float32Array(3072));
  await writeTensors(path.join(folder, "in.safetensors"), [image]);
  const targets = f32Tensor("0.0.targets", [1, 3], () => Float32Array.of(1, 0, 0));
  await writeTensors(path.join(folder, "batches.safetensors"), [{ ...image, name: "0.0.pixel_values" }, targets]);
  for (const [name, side] of [
    ["a.png", 4],
    ["b.png", 64],
  ] as const)
    fs.writeFileSync(
      path.join(folder, name),
      writePng({ width: side, height: side, data: Buffer.alloc(4 * side * side, 255) }),
    );
  return folder;
}

describe("- is standard input", () => {
  test("every command whose help says so is asked here", () => {
    const program = new Command();
    for (const add of commands) add(program, async () => {});
    const said = program.commands.filter(command =>
      command.helpInformation().replaceAll(/\s+/g, " ").includes("- for standard input"),
    );
    expect(said.map(command => command.name()).sort()).toEqual(Object.keys(asked).sort());
  });

  test.each(Object.entries(asked))("cnxc %s", async (name, [input, ...words]) => {
    if (name === "tune" && spawnSync("g++", ["--version"]).status !== 0) return;
    const cwd = await layOut();
    const { code, stderr } = await cnxcProcess([name, ...words], { cwd, input });
    expect([code, stderr]).toEqual([0, expect.not.stringContaining("error")]);
    const { code: empty, stderr: said } = await cnxcProcess([name, ...words], { cwd, input: "" });
    expect([empty, said]).toEqual([3, expect.stringContaining("declares nothing")]);
  });
});

describe.skipIf(!fs.existsSync("/dev/full"))("what standard output does not take is an error", () => {
  const into = (file: string, words: readonly string[], cwd: string) => {
    const out = fs.openSync(file, "w");
    const { status, stderr } = spawnSync(process.execPath, [cliFile, ...words], {
      cwd,
      stdio: ["ignore", out, "pipe"],
      encoding: "utf8",
      env: { ...process.env, NO_COLOR: "1" },
    });
    fs.closeSync(out);
    return { status, stderr };
  };

  test.each([
    ["check", "m.cnx"],
    ["check", "m.cnx", "--json"],
    ["compile", "m.cnx", "--emit", "model"],
    ["compile", "m.cnx", "-t", "onnx", "-o", "out"],
    ["explore", "s.cnx", "--json"],
    ["explore", "s.cnx", "--csv"],
    ["info", "m.cnx"],
    ["import", "convnextv2_atto"],
    ["--help"],
    ["compile", "--help"],
    ["--version"],
  ])("cnxc %s %s %s", (...words) => {
    const cwd = newFolder();
    fill(cwd, { "m.cnx": spec, "s.cnx": sweep });
    const { status, stderr } = into("/dev/full", words, cwd);
    expect([status, stderr]).toEqual([6, expect.stringContaining("no-space")]);
  });

  test("an error of the work comes before one of the output", () => {
    expect(into("/dev/full", ["check", "missing.cnx", "--json"], newFolder())).toMatchObject({ status: 6 });
    const cwd = newFolder();
    fill(cwd, { "m.cnx": "model m {" });
    expect(into("/dev/full", ["check", "m.cnx", "--json"], cwd)).toMatchObject({ status: 3 });
  });

  test("a reader that leaves, and one that takes its time", async () => {
    const cwd = newFolder();
    const models = Array.from({ length: 400 }, (_, i) => spec.replace("model m", `model m${i}`)).join("");
    fill(cwd, { "m.cnx": models });
    const words = [cliFile, "compile", "m.cnx", "--emit", "model"];
    const leaving = spawn("sh", ["-c", `"$0" "$@" | head -c 10; true`, process.execPath, ...words], { cwd });
    let stderr = "";
    leaving.stderr.on("data", part => {
      stderr += part;
    });
    await new Promise(resolve => leaving.on("close", resolve));
    expect(stderr).toContain("pipe-closed");
    const slow = spawnSync("sh", ["-c", `"$0" "$@" | { sleep 1; wc -c; }`, process.execPath, ...words], { cwd });
    const whole = spawnSync(process.execPath, words, { cwd, maxBuffer: 2 ** 28 });
    expect(Number(slow.stdout)).toBe(whole.stdout.length);
    expect(whole.stdout.length).toBeGreaterThan(2 ** 17);
  });
});
