import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { full } from "../support/full.ts";
import { goldenInput, goldenWeights, readGolden } from "../support/golden.ts";
import { goldenModel, mustBuild } from "../support/models.ts";
import { relL2, topClasses } from "../support/tolerance.ts";
import { outputsOf, sessionOf } from "./compiled.ts";

interface Dense {
  readonly logits: { readonly values: number[] };
}

/** Logits rel_l2 of 16-bit storage, from "Tolerances" of test/golden/README.md; the eps file does not fit f16. */
const limit = 5e-3;
const micro = readdirSync(new URL("../golden/dense", import.meta.url))
  .map(file => `dense/${file.replace(".json", "")}`)
  .filter(file => /micro/.test(file) && !/eps|offset/.test(file));
const files = [...micro, "dense/atto-224x224-b1", "dense/tiny-224x224-b1"];
const cases = files.flatMap(file =>
  [true, false].flatMap(optimize => ([20, 17] as const).map(opset => ({ file, opset, optimize }))),
);

describe("f16 on the CPU gives PyTorch's numbers", () => {
  test.each(cases)("$file, opset $opset, optimized $optimize", async ({ file, opset, optimize }) => {
    const golden = readGolden<Dense>(file);
    const model = goldenModel(golden);
    const given = { model, graph: mustBuild(model), weights: goldenWeights(golden), half: true, opset, optimize };
    const found = await outputsOf(await sessionOf(given), model, goldenInput(golden).values);
    const logits = found.get("logits")?.data ?? new Float32Array();
    const off = relL2(logits, golden.logits.values);
    if (full) console.info(file, opset, optimize, off);
    expect(off).toBeLessThan(limit);
    const images = golden.input.shape[0] as number;
    expect(topClasses(logits, images, 5)).toEqual(topClasses(golden.logits.values, images, 5));
  });
});
