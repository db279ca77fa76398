import { describe, expect, test } from "vitest";
import { cnxc } from "../support/cli.ts";
import { hasGxx } from "../support/cuda-tools.ts";
import { fill, newFolder } from "../support/folders.ts";
import { full } from "../support/full.ts";
import { hasSwiftShader } from "../support/webgpu-process.ts";

const spec = `
model eight { depths [1, 1, 2, 1]  dims [8, 16, 24, 40]  input 67x101x3  head features { output_stride 8  norm true } }
model sixteen extends eight { head features { output_stride 16 } }
model four { depths [1, 1, 1, 1]  dims [6, 9, 10, 13]  kernel_size [3, 5, 7, 9]  input 61x50x3  head features { output_stride 4 } }
model two { depths [2, 1]  dims [8, 16]  input 33x31x2  stem patch 2  kernel_size 11  head features { output_stride 2 } }
`;
const executors = [...(hasSwiftShader ? ["webgpu"] : []), "onnx", ...(hasGxx ? ["cuda-cpu"] : [])];

const verify = async (...words: readonly string[]) => {
  const folder = newFolder();
  fill(folder, { "m.cnx": spec });
  return cnxc(["verify", "m.cnx", "--batch", "2", ...words], { cwd: folder });
};

describe("maps that keep their size", { timeout: 600_000 }, () => {
  // Kernels of each model are compiled anew for seconds; golden files are tests of the executors.
  test.each(["eight", "sixteen", "four", "two"])("model %s is right on every executor", async model => {
    const on = full ? executors : ["onnx"];
    const { code, stdout } = await verify("-m", model, "--on", on.join(","));
    expect(stdout.match(/ right /g)).toHaveLength(on.length);
    expect(code).toBe(0);
  });

  test.runIf(hasSwiftShader)("and so are their gradients", async () => {
    const { code, stdout } = await verify("-m", "four", "--on", "webgpu", "--gradients");
    expect(stdout).toContain(" right ");
    expect(code).toBe(0);
  });
});
