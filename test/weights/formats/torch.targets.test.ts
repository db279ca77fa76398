import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { f32Tensor } from "../../../src/weights/formats/safetensors.ts";
import { fromOfficial, shapeIn } from "../../../src/weights/names/layouts.ts";
import { contextOf, type Dialect, dialects, translate } from "../../../src/weights/names/names.ts";
import { elements } from "../../../src/weights/tensor.ts";
import { cnxc } from "../../support/cli.ts";
import { fill } from "../../support/folders.ts";
import { type Golden, goldenInput, goldenWeights, readGolden } from "../../support/golden.ts";
import { goldenSpecText } from "../../support/golden-spec.ts";
import { readTensors, writeTensors } from "../../support/tensors.ts";
import { expectLogits, relL2 } from "../../support/tolerance.ts";
import { torchPython } from "../../support/torch.ts";

// Files that PyTorch and numpy themselves have written. Without them these tests are skipped, and say so; the corpus
// has files of every kind that tests write.

const golden = readGolden<{ readonly logits: { readonly values: readonly number[] } }>("dense/micro-64x64-b2");
const folder = fs.mkdtempSync(path.join(tmpdir(), "cnxc-test-"));
const at = (name: string): string => path.join(folder, name);
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

/** The golden weights in another naming, as raw f32 and a list of names and shapes. */
async function raw(golden: Golden, dialect: Dialect): Promise<void> {
  const weights = goldenWeights(golden);
  const parts: Buffer[] = [];
  const rows: (readonly [string, readonly number[]])[] = [];
  const context = contextOf(
    golden.params.map(([name]) => name),
    "official",
  );
  for (const [name, shape] of golden.params) {
    // Pre-training has no head: the encoder alone.
    const known = translate(name, "official", dialect, context);
    if (known === null) continue;
    const { buffer, byteOffset, byteLength } = await weights.f32(name);
    const bytes = fromOfficial(known, dialect, shape, new Uint8Array(buffer, byteOffset, byteLength), 4);
    parts.push(Buffer.from(bytes));
    rows.push([known.name, shapeIn(known, dialect, shape)]);
  }
  fs.writeFileSync(at(`${dialect}.bin`), Buffer.concat(parts));
  fs.writeFileSync(at(`${dialect}.json`), JSON.stringify(rows));
}

const kindsOf = (stderr: string) => [...stderr.matchAll(/^error\[(\w+)\//gm)].map(match => match[1]);
const warningsIn = (stderr: string) => [...stderr.matchAll(/^warning.*$/gm)].map(([line]) => line);

describe.runIf(torchPython !== null)("files of PyTorch and numpy", () => {
  beforeAll(async () => {
    for (const dialect of dialects) await raw(golden, dialect);
    const script = path.join(import.meta.dirname, "torch_files.py");
    const { status, stderr } = spawnSync(torchPython ?? "", [script, folder], { encoding: "utf8" });
    if (status !== 0) throw new Error(stderr);
    const spec = goldenSpecText(golden, "golden");
    const backbone = spec.replace(/head classifier \{[^}]*\}/, "head features { levels [4]  norm false }");
    fill(folder, { "golden.cnx": spec, "backbone.cnx": backbone });
    const { shape, values } = goldenInput(golden);
    await writeTensors(at("in.safetensors"), [f32Tensor("pixel_values", shape, () => values)]);
  });

  const run = async (spec: string, weights: string) => {
    const words = ["run", spec, "--on", "reference", "-w", weights, "-i", "in.safetensors", "--out", "out.safetensors"];
    const { code, stderr } = await cnxc(words, { cwd: folder });
    expect([code, kindsOf(stderr)], stderr).toEqual([0, []]);
    return { stderr, outputs: await readTensors(at("out.safetensors")) };
  };
  const logits = async (weights: string) => {
    const { stderr, outputs } = await run("golden.cnx", weights);
    return { stderr, data: outputs.get("logits")?.data ?? new Float32Array() };
  };
  const rounded = { f16: 5e-3, bf16: 3e-2 };

  /** Namings that have all of the model: those of encoders, and of V1 alone, have not. */
  const whole = dialects.filter(dialect =>
    golden.params.every(([name]) => translate(name, "official", dialect, new Map([["final", "3"]])) !== null),
  );

  describe.each(whole)("%s names", dialect => {
    test('torch.save({"model": …}) in f32 gives the golden logits', async () => {
      const { stderr, data } = await logits(`${dialect}.f32.pt`);
      expect(warningsIn(stderr)).toEqual([]);
      expectLogits(data, golden.logits.values);
    });

    test.each(Object.entries(rounded))("in %s, within %f", async (type, within) => {
      const { stderr, data } = await logits(`${dialect}.${type}.pt`);
      expect(warningsIn(stderr)).toEqual([]);
      const far = relL2(data, golden.logits.values);
      expect(far).toBeLessThan(within);
      expect(far).toBeGreaterThan(1e-6);
    });
  });

  test("fcmae names: the encoder of a pre-training state, in f32 and rounded", async () => {
    const wanted = [...(await run("backbone.cnx", "official.f32.pt")).outputs.values()][0]?.data ?? [];
    const found = async (type: string) =>
      [...(await run("backbone.cnx", `fcmae.${type}.pt`)).outputs.values()][0]?.data;
    expect(await found("f32")).toEqual(wanted);
    for (const [type, within] of Object.entries(rounded))
      expect(relL2((await found(type)) ?? new Float32Array(), wanted)).toBeLessThan(within);
  });

  test.each(["plain.pth", "legacy.pth", "protocol4.pt", "npz", "fortran.npz", "views.pt"])(
    "official.%s has the very bits of the weights",
    async ending => {
      const file = `official.${ending}`;
      const { code, stderr } = await cnxc(["weights", "convert", file, "--to", "official", "-o", "same"], {
        cwd: folder,
      });
      expect([code, stderr]).toEqual([0, ""]);
      const found = await readTensors(at("same"));
      const weights = goldenWeights(golden);
      expect(found.size).toBe(golden.params.length);
      for (const [name, shape] of golden.params) {
        expect(found.get(name)?.data.length).toBe(elements(shape));
        expect(found.get(name)?.data).toEqual(await weights.f32(name));
      }
    },
  );

  test("P48: what a training script saves, with one warning that names what is not read", async () => {
    const { stderr, data } = await logits("official.training.pth");
    expect(warningsIn(stderr)).toEqual([expect.stringContaining("beside the weights under 'model' are not read")]);
    expect(stderr).toContain("'model_ema', 'optimizer', 'epoch', 'args', 'size'");
    expectLogits(data, golden.logits.values);
  });

  test("P48: weights beside every kind of object, in protocols 2 and 4", async () => {
    const files = fs.readdirSync(folder).filter(name => name.startsWith("beside."));
    expect(files.length).toBeGreaterThan(35);
    const odd: string[] = [];
    for (const file of files) {
      const { code, stderr } = await cnxc(["weights", "inspect", file], { cwd: folder });
      if (code !== 0 || !stderr.includes("beside the weights under 'net'")) odd.push(`${file}: ${stderr}`);
    }
    expect(odd).toEqual([]);
    const { data } = await logits("beside.2.pt");
    expectLogits(data, golden.logits.values);
  });

  test("weights inspect says what they are", async () => {
    const { code, stdout } = await cnxc(["weights", "inspect", "timm.bf16.pt"], { cwd: folder });
    expect(code).toBe(0);
    expect(stdout).toMatch(/classifier, timm naming/);
    expect(stdout).toContain("BF16");
  });

  test.each([
    ["refused.quantised", "E_W_DTYPE", "quantised"],
    ["refused.sparse", "E_W_DTYPE", "sparse"],
    ["refused.complex", "E_W_DTYPE", "complex"],
    ["refused.scalar", "E_W_PICKLE", "numbers of numpy"],
    ["refused.array", "E_W_PICKLE", "numbers of numpy"],
    ["refused.module", "E_W_PICKLE", "torch.save(model.state_dict()"],
    ["refused.subclass", "E_W_PICKLE", "_rebuild_from_type_v2"],
    ["refused.script", "E_W_FORMAT", "TorchScript"],
    ["refused.objects", "E_W_DTYPE", "'|O'"],
    ["official.compressed.npz", "E_W_ZIP", "numpy.savez does not"],
  ])("%s: %s", async (file, kind, says) => {
    const { code, stderr, stdout } = await cnxc(["weights", "inspect", file], { cwd: folder });
    expect([code, kindsOf(stderr), stdout]).toEqual([4, [kind], ""]);
    expect(stderr).toContain(says);
  });
});
