import { spawnSync } from "node:child_process";
import * as path from "node:path";
import { expect, test } from "vitest";
import { f32Tensor } from "../../../src/weights/formats/safetensors.ts";
import { newFolder } from "../../support/folders.ts";
import { writeTensors } from "../../support/tensors.ts";
import { hasSwiftShader } from "../../support/webgpu-process.ts";

const hasScript = spawnSync("script", ["--version"]).status === 0;

test.runIf(hasSwiftShader && hasScript)(
  "at a terminal a run on WebGPU says what it does, in a pipe nothing",
  async () => {
    const folder = newFolder();
    const images = f32Tensor("pixel_values", [1, 3, 64, 64], () => new Float32Array(3 * 64 * 64));
    await writeTensors(path.join(folder, "in.safetensors"), [images]);
    const words = ["run", path.resolve("specs/micro.cnx"), "-m", "micro", "-w", "random:1", "-i", "in.safetensors"];
    const program = [
      process.execPath,
      path.resolve("dist/node/cli.js"),
      ...words,
      "--adapter",
      "swiftshader",
      "--out",
      "o.npz",
    ];
    const options = { cwd: folder, encoding: "utf8" } as const;
    const watched = spawnSync("script", ["-qec", program.join(" "), "/dev/null"], options);
    expect([watched.status, watched.stdout]).toEqual([
      0,
      expect.stringMatching(/cnxc: micro on webgpu\s+cnxc: compiling the \d+ kernels of micro on swiftshader\s/),
    ]);
    const [command = "", ...rest] = program;
    expect(spawnSync(command, rest, options).stderr).not.toContain("compiling");
  },
);
