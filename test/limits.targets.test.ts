import { describe, expect, test } from "vitest";
import { cnxcProcess } from "./support/cli-process.ts";
import { fill, newFolder } from "./support/folders.ts";
import { full } from "./support/full.ts";

describe("S77: a model of 1024 blocks takes memory and time that grow with it", () => {
  // In a process, where a job may have so much memory and no more.
  const run = (words: readonly string[]) => {
    const folder = newFolder();
    fill(folder, { "deep.cnx": "model deep { depths [1024] dims [4] input 32x32x3 }\n" });
    return cnxcProcess(words, { cwd: folder });
  };

  test.each(full ? ["wgsl", "cuda"] : ["wgsl"])("compiled for %s", async target => {
    const { code, stderr } = await run(["compile", "deep.cnx", "-t", target, "-o", target]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  const commands: Readonly<Record<string, readonly string[]>> = {
    "info for CUDA": ["info", "deep.cnx", "-t", "cuda"],
    inspect: ["inspect", "deep.cnx"],
    "a page": ["inspect", "deep.cnx", "-t", "cuda", "-o", "deep.html"],
    "an explanation": ["compile", "deep.cnx", "-t", "cuda", "--explain", "--emit", "files"],
    "its graph": ["compile", "deep.cnx", "-t", "onnx", "--emit", "graph"],
    "its plan": ["compile", "deep.cnx", "-t", "cuda", "--emit", "plan"],
  };
  test.runIf(full).each(Object.keys(commands))("%s", async name => {
    expect(await run(commands[name] as string[])).toMatchObject({ code: 0 });
  });
});
