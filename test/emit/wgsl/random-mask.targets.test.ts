import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomMaskWgsl } from "../../../src/emit/wgsl/random-mask.ts";
import { validateWgsl } from "../../../src/node/gpu/dawn.ts";
import type { ModelDescriptor } from "../../../src/runtime/descriptor.ts";
import { randomMask } from "../../../src/runtime/mask.ts";
import { nagaError } from "../../support/naga.ts";
import { hasSwiftShader, startWebgpu, type WebgpuProcess } from "../../support/webgpu-process.ts";

const count = 1000;
/** Small seeds, and all over the range. */
const seeds = Uint32Array.from({ length: count }, (_, i) => (i < count / 2 ? i : Math.imul(i, 0x9e3779b1)));
seeds[count - 1] = 0xffffffff;

interface Drawing {
  readonly batch: number;
  readonly patches: number;
  readonly keep: number;
}

/** The kernel as a model whose images are seeds. */
const drawing = ({ batch, patches, keep }: Drawing): ModelDescriptor => ({
  name: "drawing",
  batch: { min: 1, max: count },
  inputs: [{ name: "seeds", shape: [1], perImage: true }],
  outputs: [{ name: "mask", shape: [batch, patches], perImage: true }],
  params: [],
  arenas: [],
  buffers: [
    { at: "io", name: "mask", elements: batch * patches, perImage: true },
    { at: "io", name: "seeds", elements: 1, perImage: true },
  ],
  kernels: [{ name: "random-mask", code: randomMaskWgsl({ patches, keep }) }],
  setup: [],
  steps: [{ label: "mask", kernel: 0, bindings: [0, 1], grid: [1, batch], perImage: true }],
  limits: {},
});

const shapes: readonly Drawing[] = [
  { batch: 3, patches: 49, keep: 19 },
  { batch: 1, patches: 2, keep: 1 },
  { batch: 2, patches: 100, keep: 99 },
];

test.each(shapes)("Tint and naga take the kernel for $patches patches", async shape => {
  const code = randomMaskWgsl(shape);
  expect(await validateWgsl(code)).toEqual({ ok: true, value: [], diagnostics: [] });
  expect(nagaError(code)).toBe(null);
});

describe.runIf(hasSwiftShader)("WGSL draws the masks of 1,000 seeds that randomMask draws", () => {
  let gpu: WebgpuProcess;
  beforeAll(async () => {
    gpu = await startWebgpu("swiftshader");
  });
  afterAll(() => gpu?.end());

  test.each(shapes)("$keep of $patches, batch $batch", async shape => {
    const { outputs } = await gpu.run({
      descriptor: drawing(shape),
      weights: { kind: "tensors", tensors: new Map() },
      runs: [{ seeds: new Float32Array(seeds.buffer.slice(0)) }],
    });
    const found = outputs[0]?.mask ?? new Float32Array();
    const size = shape.batch * shape.patches;
    expect(found.length).toBe(count * size);
    seeds.forEach((seed, i) => {
      expect(found.subarray(i * size, (i + 1) * size), `seed ${seed}`).toEqual(randomMask(seed, shape));
    });
  });
});
