import { describe, expect, test } from "vitest";
import type { StorageType } from "../../../src/model/model.ts";
import { buildLibrary, runLibrary } from "../../../src/node/executors/cuda-library.ts";
import { hasGxx } from "../../support/cuda-tools.ts";
import { extremes, imageOf, modelOf, weightsOf } from "../../support/extremes.ts";
import { full } from "../../support/full.ts";
import { mustBuild } from "../../support/models.ts";
import { relL2 } from "../../support/tolerance.ts";

/** Libraries of one side are one program. */
const some = extremes.filter(({ side }) => full || side === 56);

describe.runIf(hasGxx)("f16 and bf16 in CUDA kernels with values that they are bad at", () => {
  test.each(some)("$name", async extreme => {
    const model = modelOf(extreme);
    const { side } = extreme;
    const inputs = new Map([["pixel_values", { shape: [1, 3, side, side], data: imageOf(extreme) }]]);
    const request = {
      model,
      batch: 1,
      taps: [],
      sites: "auto",
      weights: weightsOf(extreme, mustBuild(model)),
      inputs,
    } as const;
    const outputOf = async (dtype: StorageType): Promise<Float32Array> => {
      const library = await buildLibrary("cpu", request, { dtype }, () => {});
      const run = library.ok ? await runLibrary(library.value, request) : library;
      if (!run.ok) throw new Error(run.diagnostics[0]?.message);
      return run.value.outputs.get("stage1")?.data ?? new Float32Array();
    };
    const wide = await outputOf("f32");
    const off = { f16: relL2(await outputOf("f16"), wide), bf16: relL2(await outputOf("bf16"), wide) };
    if (full) console.info(extreme.name, off);
    expect(wide.every(Number.isFinite)).toBe(true);
    expect(off.f16).toBeLessThan(5e-3);
    expect(off.bf16).toBeLessThan(3e-2);
  });
});
