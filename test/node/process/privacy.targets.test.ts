import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { f32Tensor } from "../../../src/weights/formats/safetensors.ts";
import { cliFile } from "../../support/cli-process.ts";
import { fill, newFolder, snapshot } from "../../support/folders.ts";
import { writePng } from "../../support/png.ts";
import { writeTensors } from "../../support/tensors.ts";
import { canWatch, watchedLibrary } from "../../support/watched.ts";

// Every connection that a command or what it starts would try is told by a library that is loaded before all others; and
// where the system can, there is no network to try.

const alone = spawnSync("unshare", ["--net", "true"]).status === 0 ? ["unshare", "--net"] : [];

let watched = "";
beforeAll(async () => {
  if (canWatch) watched = await watchedLibrary();
});

const commands: readonly (readonly string[])[] = [
  ["check", "m.cnx"],
  ["compile", "m.cnx", "-w", "random:1", "-o", "out"],
  ["verify", "out"],
  ["run", "m.cnx", "-w", "random:1", "-i", "in.safetensors", "--on", "onnx", "--out", "o.safetensors"],
  ["run", "m.cnx", "-w", "random:1", "-i", "in.safetensors", "--adapter", "swiftshader", "--out", "o.safetensors"],
  ["classify", "m.cnx", "-w", "random:1", "a.png", "--on", "onnx"],
  ["verify", "m.cnx", "--on", "onnx"],
  ["explore", "m.cnx", "-o", "report"],
  ["inspect", "m.cnx", "-o", "m.html"],
  ["import", "convnextv2_atto"],
];

interface Ended {
  readonly code: number | null;
  readonly stderr: string;
}

function run(
  words: readonly string[],
  folder: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Ended> {
  const [program = "", ...rest] = [...alone, process.execPath, ...words];
  const child = spawn(program, rest, {
    cwd: path.join(folder, "project"),
    stdio: ["ignore", "ignore", "pipe"],
    env: {
      ...process.env,
      HOME: path.join(folder, "home"),
      TMPDIR: path.join(folder, "tmp"),
      XDG_CACHE_HOME: undefined,
      ORT_DISABLE_TELEMETRY: undefined,
      CI: undefined,
      LD_PRELOAD: watched,
      WATCH_REPORT: path.join(folder, "report"),
      ...env,
    },
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", part => {
    stderr += part;
  });
  return new Promise(resolve => child.on("close", code => resolve({ code, stderr })));
}

async function layOut(): Promise<string> {
  const folder = newFolder();
  for (const name of ["home", "tmp", "project"]) fs.mkdirSync(path.join(folder, name));
  fill(path.join(folder, "project"), {
    "m.cnx": `model m { depths [1] dims [4] input 32x32x3 head classifier { classes 3 } }\nsweep s extends m { mlp_ratio in [1, 2] }\n`,
  });
  const image = f32Tensor("pixel_values", [1, 3, 32, 32], () => new Float32Array(3072));
  await writeTensors(path.join(folder, "project/in.safetensors"), [image]);
  fs.writeFileSync(path.join(folder, "project/a.png"), writePng({ width: 4, height: 4, data: Buffer.alloc(64, 255) }));
  return folder;
}

const connections = (folder: string): readonly string[] =>
  (fs.existsSync(path.join(folder, "report")) ? fs.readFileSync(path.join(folder, "report"), "utf8") : "")
    .split("\n")
    .filter(line => line.startsWith("CONNECT"));

describe.skipIf(!canWatch)("what a command does beside its work", () => {
  test("the watching tells of a connection", async () => {
    const folder = await layOut();
    const script = `require("net").connect(9, "127.0.0.1").on("error", () => {})`;
    await run(["-e", script], folder, {});
    expect(connections(folder)).not.toEqual([]);
  });

  test.each(commands.map(words => [words.join(" "), words] as const))(
    "%s: no connection, no file elsewhere",
    async (_, words) => {
      const folder = await layOut();
      if (words.includes("out") && words[0] === "verify")
        expect(await run([cliFile, "compile", "m.cnx", "-o", "out"], folder, {})).toMatchObject({ code: 0 });
      const { code, stderr } = await run([cliFile, ...words], folder, {});
      expect([code, stderr]).toEqual([0, expect.not.stringContaining("error")]);
      expect(connections(folder)).toEqual([]);
      // A driver of the system's keeps what it compiled; that is neither ours nor sent.
      const home = Object.keys(snapshot(path.join(folder, "home")) ?? {}).filter(
        name => !name.includes("mesa_shader_cache"),
      );
      expect([home, snapshot(path.join(folder, "tmp"))]).toEqual([[], {}]);
    },
  );
});
