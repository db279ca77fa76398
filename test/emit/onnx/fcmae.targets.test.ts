import { describe, expect, test } from "vitest";
import { evaluate, widen } from "../../../src/graph/evaluate.ts";
import type { Graph } from "../../../src/graph/graph.ts";
import { read } from "../../../src/graph/read.ts";
import type { Model } from "../../../src/model/model.ts";
import type { Weights } from "../../../src/weights/tensor.ts";
import { expectFloat32 } from "../../support/conditioning.ts";
import {
  denseWeights,
  type FcmaeGolden,
  fcmaeInputs,
  fcmaeModel,
  goldenFiles,
  grnScopes,
  losses,
  randomFcmae,
  scopeOf,
} from "../../support/fcmae.ts";
import { full } from "../../support/full.ts";
import { goldenInput, readGolden } from "../../support/golden.ts";
import { feed, mustBuild, testWeights } from "../../support/models.ts";
import { expectTap, type Recorded, relL2 } from "../../support/tolerance.ts";
import { type Compile, outputsOf, sessionOf } from "./compiled.ts";

const layouts = ["compact", "masked"] as const;

/** Every file, scope, loss and layout, with each opset; of the larger files few in every run, of tiny none. */
const cases = goldenFiles.flatMap((file, f) =>
  grnScopes.flatMap((grn, i) =>
    losses.flatMap((loss, j) =>
      layouts.flatMap((sites, k) => {
        const opset = (f + i + j + k) % 2 === 0 ? (20 as const) : (17 as const);
        const few = { micro: true, atto: i === j, tiny: false }[file.split("-")[0] as "micro"];
        return full || few ? [{ file, grn, loss, sites, opset }] : [];
      }),
    ),
  ),
);

/** Each tensor of a file is made once for all of its cases. */
const kept = new Map<string, Weights>();
function weightsOf(golden: FcmaeGolden): Weights {
  const known = kept.get(golden.name);
  if (known) return known;
  const { origin, f32 } = denseWeights(golden);
  const tensors = new Map<string, Promise<Float32Array>>();
  const once: Weights["f32"] = name => tensors.get(name) ?? (tensors.set(name, f32(name)).get(name) as never);
  kept.clear();
  kept.set(golden.name, { origin, f32: once });
  return { origin, f32: once };
}

describe("ONNX Runtime gives PyTorch's numbers of the masked autoencoder", () => {
  test.each(cases)("$file, grn $grn, $loss, $sites, opset $opset", async ({ file, grn, loss, ...how }) => {
    const golden = readGolden<FcmaeGolden>(`fcmae/${file}`);
    const recorded = scopeOf(golden, grn);
    const stages = Object.keys(recorded).filter(name => name.startsWith("encoder"));
    const model = fcmaeModel(golden, grn, loss);
    const mask = Float32Array.from(golden.mask.flat());
    const run = async (taps: readonly string[]) => {
      const session = await sessionOf({
        model,
        graph: mustBuild(model, taps),
        weights: weightsOf(golden),
        threads: 1,
        ...how,
      });
      const found = await outputsOf(session, model, goldenInput(golden).values, mask);
      const valuesOf = (name: string): Float32Array => found.get(name)?.data ?? new Float32Array();
      expect(found.get("loss")?.shape).toEqual([1]);
      expect(Math.abs((valuesOf("loss")[0] ?? 0) / recorded.loss[loss] - 1)).toBeLessThan(2e-6);
      expectTap("pred", valuesOf("pred"), recorded.pred as Recorded);
      expectTap("encoded", valuesOf("encoded"), recorded.encoder as Recorded);
      return valuesOf;
    };
    // What users get: a tap of the stem would keep it on the whole image.
    if (!file.startsWith("tiny")) await run([]);
    const valuesOf = await run([...stages, "downsample_layers.0", "loss_per_patch"]);
    for (const name of stages) expectTap(name, valuesOf(name), recorded[name] as Recorded);
    expectTap("stem", valuesOf("downsample_layers.0"), golden.stem);
    const errors = recorded.loss_per_patch[loss].flat();
    expect(valuesOf("loss_per_patch").length).toBe(errors.length);
    errors.forEach((wanted, i) => {
      expect(Math.abs((valuesOf("loss_per_patch")[i] ?? 0) / wanted - 1)).toBeLessThan(1e-5);
    });
  });
});

interface Referred extends Pick<Compile, "model" | "opset"> {
  readonly graph?: Graph;
  readonly taps?: readonly string[];
}

/** Every output of every layout against the interpreter on the graph as it was built, for each batch. */
async function expectReference(given: Referred, batches: readonly number[], seed: number): Promise<void> {
  const graph = given.graph ?? mustBuild(given.model, given.taps);
  const weights = testWeights(graph, seed);
  const sessions = await Promise.all(
    [...layouts, "auto" as const].map(
      async sites => [sites, await sessionOf({ ...given, graph, weights, sites, threads: 1 })] as const,
    ),
  );
  for (const batch of batches) {
    const { pixel_values: input, mask } = fcmaeInputs(given.model, batch, seed);
    const values = await feed(graph, weights, input, batch);
    const wanted = evaluate(graph, values.set("mask", widen([batch, mask.length / batch], mask)));
    for (const [sites, session] of sessions) {
      const found = await outputsOf(session, given.model, input, mask);
      expect([...found.keys()]).toEqual([...wanted.keys()]);
      for (const [name, { shape, data }] of wanted) {
        expect(found.get(name)?.shape, name).toEqual(shape);
        const data32 = found.get(name)?.data ?? [];
        const what = `${name}, ${sites}, batch ${batch}`;
        if (name === "loss") expect(relL2(data32, data), what).toBeLessThan(2e-6);
        else expectFloat32({ graph, values }, name, data32, data, what);
      }
    }
  }
}

/** Maps whose patches are several sites at the end, which no model has. */
describe("ops by themselves", () => {
  const grid = "rows: 2, columns: 3, keep: 2";
  const head = [
    "%pixel_values = input() : f32[N, 4, 8, 12]",
    "%mask = input() : f32[N, 6]",
    "%t = param() : f32[1, 4, 1, 1]",
  ];
  const cases = {
    fillSites: ["%y = fillSites(%x, %mask, %t) {GRID} : f32[N, 8, 12, 4]"],
    scatterSites: [
      "%k = patchTable(%mask) {GRID} : i32[N, 8]",
      "%v = gatherSites(%x, %k) {GRID} : f32[N, 8, 4, 4]",
      "%y = scatterSites(%v, %k, %t) {GRID} : f32[N, 8, 12, 4]",
    ],
    siteError: ["%m = maskSites(%x, %mask) {GRID} : f32[N, 8, 12, 4]", "%y = siteError(%x, %m) : f32[N, 96]"],
  };
  test.each(Object.entries(cases))("%s", async (_, lines) => {
    const first = "%x = toChannelsLast(%pixel_values) : f32[N, 8, 12, 4]";
    const graph = read(
      ["graph ops {", ...head, first, ...lines, "return y: %y", "}"].join("\n").replaceAll("GRID", grid),
    );
    const like = variant({ input: { height: 8, width: 12, channels: 4 } }, 1);
    const head4 = { ...like.head, patchSize: 4, maskRatio: 0.6 } as Model["head"];
    await expectReference({ model: { ...like, head: head4 }, graph }, [3, 1], 4);
  });
});

const variant = (given: Partial<Model>, seed: number): Model => ({ ...randomFcmae(seed).model, ...given });

describe("what a model may vary", () => {
  test.each(["per_sample", "per_batch", "none"] as const)("grn %s, with layer scale and without", async grn => {
    await expectReference({ model: variant({ grn, layerScale: 1e-6 }, 1) }, [2], 1);
    await expectReference({ model: variant({ grn, layerScale: null }, 1) }, [1, 3], 1);
  });

  test("every module tapped", async () => {
    const taps = ["downsample_layers.0.0", "stages.0.0.dwconv", "stages.0.0.act", "stages.0.0.pwconv2", "stages.0.0"];
    await expectReference({ model: variant({}, 2), taps: [...taps, "decoder.0", "loss_per_patch"] }, [2], 2);
  });
});

test("a mask that keeps another number of patches stops the compact graph", async () => {
  const { model } = randomFcmae(3);
  const graph = mustBuild(model);
  const session = await sessionOf({ model, graph, weights: testWeights(graph, 3), sites: "compact" });
  const { pixel_values: input, mask } = fcmaeInputs(model, 1, 3);
  const flipped = (from: number): Float32Array => mask.map((value, i) => (i === mask.indexOf(from) ? 1 - from : value));
  for (const wrong of [flipped(0), flipped(1)])
    await expect(outputsOf(session, model, input, wrong)).rejects.toThrow(/ONNX Runtime.* ind(ex|ices) /);
});

describe("masked autoencoders that nobody thought of", () => {
  // A mask of 147 keeps one site of one channel, whose terms cancel to 0.003.
  const seeds = [...Array.from({ length: full ? 300 : 8 }, (_, seed) => seed), ...(full ? [] : [147])];
  test.each(seeds)("%i", async seed => {
    const { model, batch } = randomFcmae(seed);
    const opset = seed % 2 === 0 ? 20 : 17;
    await expectReference({ model, opset }, [batch, 1], seed);
  });
});
