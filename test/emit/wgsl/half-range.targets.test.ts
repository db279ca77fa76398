import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findAdapter } from "../../../src/node/gpu/adapters.ts";
import { extremes, imageOf, modelOf, weightsOf } from "../../support/extremes.ts";
import { full } from "../../support/full.ts";
import { mustBuild } from "../../support/models.ts";
import { relL2 } from "../../support/tolerance.ts";
import { hasSwiftShader, startWebgpu, type WebgpuProcess } from "../../support/webgpu-process.ts";
import { compiledWgsl } from "../../support/wgsl.ts";

const hasLavapipe = (await findAdapter("lavapipe")).ok;

describe.each([
  { kind: "swiftshader", there: hasSwiftShader },
  { kind: "lavapipe", there: hasLavapipe },
] as const)("f16 on $kind with values that it is bad at", ({ kind, there }) => {
  let gpu: WebgpuProcess | undefined;
  beforeAll(async () => {
    if (there) gpu = await startWebgpu(kind);
  });
  afterAll(() => gpu?.end());

  // SwiftShader compiles each model's kernels for seconds.
  const some = extremes.filter(
    ({ name }) => full || (!/96x96/.test(name) && (kind === "lavapipe" || /constant/.test(name))),
  );
  test.runIf(there).each(some)("$name", async extreme => {
    const model = modelOf(extreme);
    const graph = mustBuild(model);
    const weights = weightsOf(extreme, graph);
    const tensors = new Map<string, Float32Array>();
    for (const { id, op } of graph.nodes.values()) if (op === "param") tensors.set(id, await weights.f32(id));
    const outputOf = async (half: boolean): Promise<Float32Array> => {
      const found = await (gpu as WebgpuProcess).run({
        descriptor: compiledWgsl({ model, tuning: kind, half }),
        weights: { kind: "tensors", tensors },
        runs: [{ pixel_values: Float32Array.from(imageOf(extreme)) }],
      });
      return found.outputs[0]?.stage1 ?? new Float32Array();
    };
    const [wide, half] = [await outputOf(false), await outputOf(true)];
    const off = relL2(half, wide);
    if (full) console.info(kind, extreme.name, off);
    expect(wide.every(Number.isFinite)).toBe(true);
    expect(off).toBeLessThan(5e-3);
  });
});
