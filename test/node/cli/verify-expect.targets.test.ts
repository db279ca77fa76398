import { spawnSync } from "node:child_process";
import * as path from "node:path";
import { expect, test } from "vitest";
import { cnxc } from "../../support/cli.ts";
import { fill, newFolder } from "../../support/folders.ts";
import { torchPython } from "../../support/torch.ts";

const spec = "model own { depths [1, 2]  dims [8, 16]  input 32x48x3  head classifier { classes 5 } }\n";

test.runIf(torchPython !== null)(
  "verify --expect: what a model in plain PyTorch gave, and two specs that are not its",
  async () => {
    const folder = newFolder();
    const script = path.join(import.meta.dirname, "own_pytorch.py");
    const made = spawnSync(torchPython ?? "", [script, folder], { encoding: "utf8" });
    expect([made.status, made.stderr]).toEqual([0, ""]);
    fill(folder, {
      "own.cnx": spec,
      "tanh.cnx": spec.replace("}", "}  activation gelu_tanh"),
      "eps.cnx": spec.replace("}", "}  norm_eps 1e-3"),
    });
    const verify = (file: string) =>
      cnxc(["verify", file, "-w", "w.pt", "-i", "in.npz", "--expect", "out.npz", "--on", "onnx"], { cwd: folder });
    const right = await verify("own.cnx");
    expect([right.code, right.stderr]).toEqual([0, ""]);
    expect(right.stdout).toMatch(/^reference +right +7 +2\/2 +none /m);
    for (const [file, first] of [
      ["tanh.cnx", "stages.0.0.grn"],
      ["eps.cnx", "downsample_layers.0"],
    ] as const) {
      const { code, stderr } = await verify(file);
      expect([code, stderr]).toEqual([
        1,
        expect.stringContaining(`the float64 reference leaves out.npz at '${first}'`),
      ]);
    }
  },
);
