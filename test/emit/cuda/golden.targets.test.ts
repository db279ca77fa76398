import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { emit } from "../../../src/compile.ts";
import { inMemoryContext } from "../../../src/emit/target.ts";
import type { StorageType } from "../../../src/model/model.ts";
import { buildCuda } from "../../../src/node/executors/toolchain.ts";
import type { Plan } from "../../../src/plan/plan.ts";
import type { TunedChoices } from "../../../src/plan/tiles/tuned-choices.ts";
import { depthwiseBy, hiddenShapes, inParts, madeAnew, targetWith } from "../../support/cuda-measured.ts";
import { hasGxx } from "../../support/cuda-tools.ts";
import { newFolder } from "../../support/folders.ts";
import { full } from "../../support/full.ts";
import { type Golden, goldenInput, goldenWeights, readGolden } from "../../support/golden.ts";
import { goldenModel } from "../../support/models.ts";
import { limitsOf, type Recorded, relL2 } from "../../support/tolerance.ts";
import { check, type Dense, files, logitsOf } from "./golden.ts";

/** A build takes g++ some seconds. */
const brief = /micro-(64x64|v1)/;
const small = files.filter(file => /micro|stages/.test(file) && (full || brief.test(file)));
/** A published size takes seconds as fibers; the larger ones, minutes. */
const published = files.filter(file => (full ? !/micro|stages|base|large|huge/.test(file) : /atto-224.*b1/.test(file)));
/** Every form of 16-bit kernel; the eps file does not fit f16. */
const narrow = small.filter(file => full || /micro-64x64/.test(file)).filter(file => !/eps|offset/.test(file));

/** Logits rel_l2, from "Tolerances" of test/golden/README.md. */
const narrowLimits = { f16: 5e-3, bf16: 3e-2 } as const;

/** The same where products are TF32: 10 bits of mantissa put each operand up to 5e-4 off, and a layer has two of them. */
const tf32Limit = 2e-3;
/** What is compared with itself, bit by bit. */
const narrowest = full ? (["f16", "bf16"] as const) : (["bf16"] as const);
/** One library; in full mode each, and published sizes. */
const rounded = [...small, ...published].filter(file => full || /dense.*64x64/.test(file));

/** Logits of a library with certain choices, as the words say how blocks run, and its kernels that have a text in them. */
async function logitsWith(
  golden: Golden & Dense,
  dtype: StorageType,
  choose: (plan: Plan) => TunedChoices,
  text: string,
  words: readonly (readonly string[])[] = [["forward", "late", "1"]],
) {
  const images = golden.input.shape[0] ?? 1;
  const of = { model: goldenModel(golden), batch: { min: 1, max: images }, taps: [], context: inMemoryContext };
  const unit = emit({ ...of, target: targetWith(dtype, {}, of, choose) });
  if (!unit.ok || unit.value.plan === null) throw new Error("it does not compile");
  const { files, plan } = unit.value;
  const built = await buildCuda("cpu", files, () => {});
  if (!built.ok) throw new Error(built.diagnostics[0]?.message);
  const at = (name: string) => path.join(folder, name);
  const folder = newFolder();
  const weights = goldenWeights(golden);
  const parameters = await Promise.all(plan.params.map(({ name }) => weights.f32(name)));
  writeFileSync(
    at("weights"),
    Buffer.concat(parameters.map(of => Buffer.from(of.buffer, of.byteOffset, of.byteLength))),
  );
  writeFileSync(at("input"), new Uint8Array(goldenInput(golden).values.buffer));
  const runs = words.map(more => {
    const ran = spawnSync(built.value, [at("weights"), at("input"), at("output"), `${images}`, ...more]);
    expect(ran.status).toBe(0);
    return readFileSync(at("output"));
  });
  return { runs, kernels: files.filter(({ contents }) => String(contents).includes(text)).length };
}

describe.runIf(hasGxx)("CUDA kernels give PyTorch's numbers as fibers of a CPU", () => {
  test.each([...small, ...published])("%s", async file => check(file));

  test.each(rounded)("%s with TF32 products", async file => {
    const golden = readGolden<Dense>(file);
    const { logits } = await logitsOf(golden, ["--tf32"]);
    const off = relL2(logits, golden.logits.values);
    if (full) console.info(file, off);
    expect(off).toBeLessThan(tf32Limit);
    expect(off).toBeGreaterThan(limitsOf(golden.name).logitsRelL2); // else they are not
  });

  test.each(narrow.flatMap(file => (["f16", "bf16"] as const).map(dtype => ({ file, dtype }))))(
    "$file stored as $dtype",
    async ({ file, dtype }) => {
      const golden = readGolden<Dense>(file);
      const taps = Object.keys(golden.taps).filter(() => /64x64/.test(file));
      const { logits, outputs } = await logitsOf(golden, ["--dtype", dtype, "--taps", taps.join(",")]);
      expect(relL2(logits, golden.logits.values)).toBeLessThan(narrowLimits[dtype]);
      for (const name of taps) {
        const { l2 } = golden.taps[name] as Recorded;
        const found = Math.hypot(...(outputs.get(name)?.data ?? []));
        expect(Math.abs(found / l2 - 1), name).toBeLessThan(narrowLimits[dtype]);
      }
    },
  );

  test.runIf(full)("products whose k blocks share, the same bits however blocks run", async () => {
    const golden = readGolden<Dense>("dense/micro-64x64-b2");
    const words = [
      ["forward", "late", "1"],
      ["reverse", "early", "1"],
      ["shuffled", "late", "4"],
    ];
    const { runs, kernels } = await logitsWith(golden, "bf16", inParts(2), "constexpr int parts = 2;", words);
    expect(kernels).toBeGreaterThanOrEqual(4);
    for (const run of runs) expect(run.equals(runs[0] as Buffer)).toBe(true);
    const logits = new Float32Array(new Uint8Array(runs[0] as Buffer).buffer);
    expect(relL2(logits, golden.logits.values)).toBeLessThan(narrowLimits.bf16);
  });

  test.each(narrowest)("values between linears made anew, the same bits as stored: %s", async dtype => {
    const golden = readGolden<Dense>("dense/micro-64x64-b2");
    const text = "are made anew";
    const stored = await logitsWith(golden, dtype, inParts(1), text);
    expect(stored.kernels).toBe(0);
    for (const way of full ? [1, 2, 3, 4, 5, 6, 7, 8] : [1]) {
      let able = 0;
      const choose = (plan: Plan) => {
        able = hiddenShapes(plan).filter(({ candidates }) => way < candidates.length).length;
        return madeAnew(way)(plan);
      };
      const anew = await logitsWith(golden, dtype, choose, text);
      expect(anew.kernels).toBe(able);
      if (way === 1) expect(able).toBe(4);
      expect(anew.runs[0]?.equals(stored.runs[0] as Buffer)).toBe(true);
    }
  });

  test.each(full ? (["f32", "bf16"] as const) : narrowest)(
    "depthwise convolutions down a strip, the same bits as at once: %s",
    async dtype => {
      const golden = readGolden<Dense>("dense/micro-64x64-b2");
      const tile = await logitsWith(golden, dtype, depthwiseBy("tile"), "makes a strip of");
      const strip = await logitsWith(golden, dtype, depthwiseBy("strip"), "makes a strip of");
      expect([tile.kernels, strip.kernels]).toEqual([0, 4]);
      expect(strip.runs[0]?.equals(tile.runs[0] as Buffer)).toBe(true);
    },
  );
});
