import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { f32Tensor } from "../../../src/weights/formats/safetensors.ts";
import { cliFile, cnxcProcess } from "../../support/cli-process.ts";
import { newFolder } from "../../support/folders.ts";
import { writeTensors } from "../../support/tensors.ts";

async function layOut(side: number): Promise<string> {
  const folder = newFolder();
  fs.mkdirSync(path.join(folder, "tmp"));
  const image = f32Tensor("pixel_values", [1, 3, side, side], () => new Float32Array(3 * side * side));
  await writeTensors(path.join(folder, "in.safetensors"), [image]);
  return folder;
}

const spec = path.resolve("specs/convnextv2.cnx");

test.each(["SIGINT", "SIGTERM"] as const)(
  "%s while a thread writes weights for ONNX Runtime leaves nothing of them",
  async signal => {
    const folder = await layOut(224);
    const words = ["run", spec, "-m", "tiny", "-w", "random:1", "-i", "in.safetensors", "--on", "onnx", "--out", "o"];
    const child = spawn(process.execPath, [cliFile, ...words], {
      cwd: folder,
      stdio: "ignore",
      env: { ...process.env, TMPDIR: path.join(folder, "tmp") },
    });
    const ended = new Promise<number | null>(resolve => child.on("close", resolve));
    const begun = (): boolean => fs.readdirSync(path.join(folder, "tmp"), { recursive: true }).length > 1;
    while (!begun()) await new Promise(resolve => setTimeout(resolve, 2));
    child.kill(signal);
    expect(await ended).toBe(signal === "SIGINT" ? 130 : 143);
    expect(fs.readdirSync(path.join(folder, "tmp"))).toEqual([]);
    expect(fs.readdirSync(folder).sort()).toEqual(["in.safetensors", "tmp"]);
  },
);

test("a user's environment does not say which adapter there is", async () => {
  const folder = await layOut(64);
  const words = ["run", path.resolve("specs/micro.cnx"), "-m", "micro", "-w", "random:1", "-i", "in.safetensors"];
  for (const claim of ["gpu", `gpu ${process.pid + 1}`]) {
    const ran = await cnxcProcess([...words, "--adapter", "swiftshader", "--out", "o"], {
      cwd: folder,
      env: { CNXC_ADAPTER: claim },
    });
    if (process.platform === "linux" && process.arch === "x64")
      expect([ran.code, ran.stderr]).toEqual([0, expect.stringContaining("WebGPU (swiftshader)")]);
    else expect(ran.stderr).not.toContain("WebGPU (gpu)");
  }
});
