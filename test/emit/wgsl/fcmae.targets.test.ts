import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { evaluate, widen } from "../../../src/graph/evaluate.ts";
import { resolve } from "../../../src/graph/graph.ts";
import type { Model } from "../../../src/model/model.ts";
import type { SiteLayout } from "../../../src/passes/site-layout.ts";
import type { WebgpuProfileName } from "../../../src/plan/tiles/tuning-profiles.ts";
import { fcmaeInputs, goldenFiles, grnScopes, losses, randomFcmae } from "../../support/fcmae.ts";
import { full } from "../../support/full.ts";
import { choices, feed, model, mustBuild, testWeights } from "../../support/models.ts";
import { relL2 } from "../../support/tolerance.ts";
import { hasSwiftShader, startWebgpu, type WebgpuProcess } from "../../support/webgpu-process.ts";
import { compiledWgsl } from "../../support/wgsl.ts";
import { check } from "./fcmae.ts";

let gpu: WebgpuProcess | undefined;
beforeAll(async () => {
  if (hasSwiftShader) gpu = await startWebgpu("swiftshader");
});
afterAll(() => gpu?.end());

const layouts = ["compact", "masked"] as const;

/** Everything with everything, or a few in which each file, scope, loss and layout is met. */
const all = goldenFiles.flatMap(file =>
  grnScopes.flatMap(grn => losses.flatMap(loss => layouts.map(sites => ({ file, grn, loss, sites })))),
);
const few = [
  { file: "micro-128-b2", grn: "per_sample", loss: "norm_pix_loss", sites: "compact" },
  { file: "micro-flat-128-b2", grn: "per_batch", loss: "raw_pix_loss", sites: "compact" },
  { file: "micro-192-b1-depth2", grn: "per_batch", loss: "norm_pix_loss", sites: "masked" },
] as const;

describe.runIf(hasSwiftShader)(
  "R25: WebGPU gives PyTorch's numbers of the masked autoencoder, GRN over an image or the batch",
  () => {
    test.each(full ? all : few)("$file, grn $grn, $loss, $sites", async one =>
      check(gpu as WebgpuProcess, { ...one, tuning: "swiftshader" }),
    );
  },
);

interface Compared {
  readonly model: Model;
  readonly batch: number;
  readonly seed: number;
  readonly sites: SiteLayout;
  readonly tuning?: WebgpuProfileName;
}

/** Whole batch, whole batch again, every image alone; all against the interpreter, and bit for bit each other. */
async function compare({ model: given, batch, seed, sites, tuning = "software" }: Compared): Promise<void> {
  const graph = mustBuild(given);
  const weights = testWeights(graph, seed);
  const inputs = fcmaeInputs(given, batch, seed);
  const values = await feed(graph, weights, inputs.pixel_values, batch);
  const wanted = evaluate(graph, values.set("mask", widen([batch, inputs.mask.length / batch], inputs.mask)));
  const tensors = new Map<string, Float32Array>();
  for (const node of graph.nodes.values()) if (node.op === "param") tensors.set(node.id, await weights.f32(node.id));

  const part = <T extends Float32Array>(whole: T, i: number) =>
    whole.slice((i * whole.length) / batch, ((i + 1) * whole.length) / batch) as T;
  const alone = Array.from({ length: batch }, (_, i) => ({
    pixel_values: part(inputs.pixel_values, i),
    mask: part(inputs.mask, i),
  }));
  const { outputs } = await (gpu as WebgpuProcess).run({
    descriptor: compiledWgsl({ model: given, tuning, batch: { min: 1, max: batch }, sites }),
    weights: { kind: "tensors", tensors },
    runs: [inputs, inputs, ...alone],
  });
  const [whole = {}, again = {}, ...each] = outputs;
  expect(Object.keys(whole).sort()).toEqual([...wanted.keys()].sort());
  for (const { name, value } of graph.outputs) {
    const found = whole[name] ?? new Float32Array();
    const shape = resolve(graph.nodes.get(value)?.type.shape ?? [], batch);
    expect(found.length, `${name} [${shape}]`).toBe(shape.reduce((a, b) => a * b, 1));
    expect(relL2(found, wanted.get(name)?.data ?? []), name).toBeLessThan(1e-5);
    expect(bits(again[name]), `${name}, once more`).toEqual(bits(found));
    if (given.grn === "per_batch" || name === "loss") continue;
    each.forEach((one, i) => {
      expect(bits(one[name]), `${name}, image ${i} alone`).toEqual(bits(part(found, i)));
    });
  }
}

const bits = (values: Float32Array | undefined): Uint8Array =>
  new Uint8Array(values?.buffer ?? new ArrayBuffer(0), values?.byteOffset, values?.byteLength);

interface Shaped {
  readonly height: number;
  readonly width: number;
  readonly channels?: number;
  readonly patchSize: number;
  readonly keep: number;
  readonly decoder?: { readonly depth: number; readonly dim: number };
  readonly normPixLoss?: boolean;
}

/** A masked autoencoder of that image, and those stages. */
const autoencoder = (
  { height, width, channels = 3, patchSize, keep, decoder = { depth: 1, dim: 8 }, normPixLoss = true }: Shaped,
  stages: Parameters<typeof model>[0],
): Model => {
  const patches = (height / patchSize) * (width / patchSize);
  const maskRatio = 1 - (keep + 0.5) / patches;
  return model({
    ...stages,
    input: { height, width, channels },
    head: { kind: "fcmae", maskRatio, patchSize, decoder, normPixLoss },
  });
};

describe.runIf(hasSwiftShader)("WebGPU gives the interpreter's numbers of masked autoencoders", () => {
  const square = { height: 32, width: 32, patchSize: 8, keep: 6 };
  const wide = { height: 16, width: 48, patchSize: 8, keep: 4 };
  const special: Readonly<Record<string, readonly [model: Model, batch: number]>> = {
    "wider than high, four channels": [autoencoder({ ...wide, channels: 4 }, { dims: [8, 12] }), 2],
    "patches of 64 pixels, a stride of 32": [
      autoencoder({ height: 64, width: 192, patchSize: 64, keep: 2 }, { depths: [1, 1, 1, 1], dims: [4, 4, 8, 8] }),
      1,
    ],
    "an 11x11 kernel, which is not unrolled": [autoencoder(square, { depths: [1], kernels: [11] }), 2],
    "patches of 24 sites a row, made in parts": [
      autoencoder({ height: 48, width: 72, patchSize: 24, keep: 3 }, { depths: [1], dims: [8], stem: { patch: 1 } }),
      1,
    ],
    "channels that no vector divides, GRN over the batch": [
      autoencoder({ ...wide, normPixLoss: false }, { dims: [3, 10], grn: "per_batch" }),
      3,
    ],
    "a decoder of two blocks": [autoencoder({ ...square, decoder: { depth: 2, dim: 7 } }, { depths: [1] }), 2],
    "one patch kept": [autoencoder({ ...square, keep: 1 }, { dims: [5, 8] }), 2],
    "one patch removed": [autoencoder({ ...square, keep: 15 }, { depths: [1], dims: [8] }), 2],
  };
  const some = Object.keys(special)
    .map((name, i) => ({ name, sites: layouts[i % 5 === 4 ? 1 : 0] }))
    .filter((_, i) => i % 2 === 0);
  const every = Object.keys(special).flatMap(name => layouts.map(sites => ({ name, sites })));
  test.each(full ? every : some)("$name, $sites", async ({ name, sites = "compact" }) => {
    const [given, batch] = special[name] as (typeof special)[string];
    await compare({ model: given, batch, seed: 1, sites });
  });

  test.each(["gpu", "lavapipe"] as const)("tiles for %s", async tuning => {
    await compare({
      // Barriers are fibres on SwiftShader, which takes GPUs' tiles half a minute.
      model: autoencoder(wide, tuning === "gpu" ? { depths: [1], dims: [6] } : { depths: [1, 1], dims: [6, 12] }),
      batch: 2,
      seed: 2,
      sites: "compact",
      tuning,
    });
    if (tuning === "gpu" && !full) return;
    await compare({
      model: autoencoder(square, { depths: [1], grn: "per_batch" }),
      batch: 2,
      seed: 3,
      sites: "masked",
      tuning,
    });
  });

  test.each(Array.from({ length: full ? 80 : 2 }, (_, i) => i + 1))("random masked autoencoder %i", async seed => {
    const tuning = choices(seed * 31 + 7).pick(["swiftshader", "software", "lavapipe"] as const);
    const sites = seed % 3 === 0 ? "masked" : seed % 4 === 0 ? "auto" : "compact";
    await compare({ ...randomFcmae(seed), seed, sites, tuning });
  });
});
