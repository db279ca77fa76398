import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { paramsOf } from "../../../src/node/inputs/open-weights.ts";
import { f32Tensor } from "../../../src/weights/formats/safetensors.ts";
import { nondegenerateWeights } from "../../../src/weights/made/nondegenerate.ts";
import { cnxc } from "../../support/cli.ts";
import type { CliResult } from "../../support/cli-process.ts";
import { newFolder, snapshot } from "../../support/folders.ts";
import { writePng } from "../../support/png.ts";
import { writeTensors } from "../../support/tensors.ts";
import { checkText, must } from "../../syntax/support.ts";

const plain = `model classifier { depths [1]  dims [8]  input 32x32x3  head classifier { classes 3 } }
model autoencoder extends classifier { head fcmae { patch_size 8  decoder { dim 8 } } }
`;
const sha256 = (bytes: string | Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const kindsOf = ({ stderr }: CliResult) => [...stderr.matchAll(/^error\[(\w+)\//gm)].map(match => match[1]);

/** A folder with images, inputs, the weights `w` of a model, and `a.cnx`, where that model has the hash of `w`. */
async function project(name: string): Promise<string> {
  const folder = newFolder();
  const [file, spec] = [path.join(folder, "w"), path.join(folder, "a.cnx")];
  const model = must(checkText(plain)).models.get(name);
  const params = model === undefined ? [] : must(paramsOf(model));
  const weights = nondegenerateWeights(1, params);
  await writeTensors(
    file,
    params.map(({ name, shape }) => f32Tensor(name, shape, () => weights.f32(name))),
  );
  await writeTensors(path.join(folder, "in"), [
    f32Tensor("pixel_values", [1, 3, 32, 32], () => new Float32Array(3 * 32 * 32).fill(0.5)),
  ]);
  fs.writeFileSync(
    path.join(folder, "a.png"),
    writePng({ width: 32, height: 32, data: Buffer.alloc(4 * 32 * 32, 128) }),
  );
  pin(spec, name, sha256(fs.readFileSync(file)));
  return folder;
}
const pin = (spec: string, model: string, hash: string): void =>
  fs.writeFileSync(spec, plain.replace(new RegExp(`(model ${model}.*) }`), `$1  weights { sha256 "${hash}" } }`));

/** One bit of the last tensor's data, which stays a finite number. */
function flip(file: string): void {
  const bytes = fs.readFileSync(file);
  bytes[bytes.length - 4] = (bytes.at(-4) ?? 0) ^ 1;
  fs.writeFileSync(file, bytes);
}

const commands: readonly (readonly [name: string, model: string, words: readonly string[]])[] = [
  ["run", "classifier", ["run", "--on", "reference", "-i", "in", "--out", "out"]],
  ["compile", "classifier", ["compile", "-t", "wgsl", "-o", "out"]],
  ["compile --calibrate", "classifier", ["compile", "-t", "wgsl", "--dtype", "f16", "--calibrate", "in", "-o", "out"]],
  ["classify", "classifier", ["classify", "--on", "reference", "a.png"]],
  ["verify", "classifier", ["verify", "--on", "onnx", "--outputs-only"]],
  ["reconstruct", "autoencoder", ["reconstruct", "--on", "reference", "--image", "a.png", "-o", "out.png"]],
];

describe.each(commands)("%s", (_, model, [command = "", ...words]) => {
  const called = (folder: string, weights = "w") =>
    cnxc([command, "a.cnx", "-m", model, "-w", weights, ...words], { cwd: folder });

  test("F50, W20: takes the file that the spec names, and not one with a flipped bit", async () => {
    const folder = await project(model);
    const right = await called(folder);
    expect([right.code, kindsOf(right)], right.stderr).toEqual([0, []]);
    const pinned = sha256(fs.readFileSync(path.join(folder, "w")));
    flip(path.join(folder, "w"));
    const before = snapshot(folder);
    const wrong = await called(folder);
    expect([wrong.code, kindsOf(wrong), wrong.stdout], wrong.stderr).toEqual([4, ["E_W_HASH"], ""]);
    const found = sha256(fs.readFileSync(path.join(folder, "w")));
    expect(wrong.stderr).toContain(`${found}, but the spec says ${pinned} for model '${model}'`);
    expect(wrong.stderr).toContain(`weights { sha256 "${found}" }`);
    expect(snapshot(folder)).toEqual(before);
  });
});

describe("a hash in a spec", () => {
  const run = (folder: string, weights = "w") =>
    cnxc(["run", "a.cnx", "-m", "classifier", "-w", weights, "--on", "reference", "-i", "in", "--out", "out"], {
      cwd: folder,
    });

  test("W20: says nothing of weights that are drawn", async () => {
    expect((await run(await project("classifier"), "random:1")).code).toBe(0);
  });

  test("W20: a file that is broken is said to be broken", async () => {
    const folder = await project("classifier");
    fs.truncateSync(path.join(folder, "w"), 100);
    expect(kindsOf(await run(folder))).toEqual(["E_W_TRUNC"]);
  });

  test("F50: of shards, is that of what sha256sum prints of them", async () => {
    const folder = await project("classifier");
    const [shard, spec] = ["b.safetensors", path.join(folder, "a.cnx")];
    fs.renameSync(path.join(folder, "w"), path.join(folder, shard));
    const header = fs.readFileSync(path.join(folder, shard));
    const { __metadata__: _, ...tensors } = JSON.parse(header.subarray(8, 8 + header.readUInt32LE(0)).toString());
    const map = Object.fromEntries(Object.keys(tensors).map(name => [name, shard]));
    fs.writeFileSync(path.join(folder, "w"), JSON.stringify({ weight_map: map }));
    const printed = () => `${sha256(fs.readFileSync(path.join(folder, shard)))}  ${shard}\n`;
    pin(spec, "classifier", sha256(printed()));
    expect((await run(folder)).code).toBe(0);
    const { stdout } = await cnxc(["weights", "inspect", "w"], { cwd: folder });
    expect(stdout).toContain(`sha256       ${sha256(printed())}\n`);
    flip(path.join(folder, shard));
    const wrong = await run(folder);
    expect([wrong.code, kindsOf(wrong)]).toEqual([4, ["E_W_HASH"]]);
    pin(spec, "classifier", sha256(printed()));
    expect((await run(folder)).code).toBe(0);
  });

  test("changes nothing of what is compiled", async () => {
    const folder = await project("classifier");
    const compile = async (out: string) => {
      const words = ["compile", "a.cnx", "-m", "classifier", "-o", out];
      expect((await cnxc(words, { cwd: folder })).stderr).toBe("");
      return snapshot(path.join(folder, out));
    };
    const pinned = await compile("pinned");
    fs.writeFileSync(path.join(folder, "a.cnx"), plain);
    expect(await compile("plain")).toEqual(pinned);
  });
});
