import { describe, expect, test } from "vitest";
import { evaluate } from "../../../src/graph/evaluate.ts";
import { activations, classifierOf, type Head } from "../../../src/model/model.ts";
import { expectFloat32 } from "../../support/conditioning.ts";
import { full } from "../../support/full.ts";
import { feed, model, mustBuild, randomModel, testInput, testWeights } from "../../support/models.ts";
import { type Compile, outputsOf, sessionOf } from "./compiled.ts";

/** Every output against the interpreter on the unfused graph, for each batch, with one session. */
async function expectReference(
  given: Pick<Compile, "model" | "opset">,
  batches: readonly number[],
  seed: number,
  taps: readonly string[] = [],
): Promise<void> {
  const graph = mustBuild(given.model, taps);
  const weights = testWeights(graph, seed);
  const session = await sessionOf({ ...given, graph, weights });
  for (const batch of batches) {
    const input = testInput(given.model, batch, seed);
    const values = await feed(graph, weights, input, batch);
    const wanted = evaluate(graph, values);
    const found = await outputsOf(session, given.model, input);
    expect([...found.keys()]).toEqual([...wanted.keys()]);
    for (const [name, { shape, data }] of wanted) {
      expect(found.get(name)?.shape, name).toEqual(shape);
      expectFloat32({ graph, values }, name, found.get(name)?.data ?? [], data, `${name}, batch ${batch}`);
    }
  }
}

test("one graph takes any batch", () => expectReference({ model: model({}) }, [1, 2, 3, 1], 5));

describe.each([17, 20] as const)("opset %i", opset => {
  test.each(["per_sample", "per_batch", "none"] as const)("grn %s", grn =>
    expectReference({ model: model({ grn, input: { height: 64, width: 32, channels: 3 } }), opset }, [1, 3], 6),
  );
  test.each(activations)("%s", activation => expectReference({ model: model({ activation }), opset }, [2], 7));
  test("layer scale, with GRN and without", async () => {
    await expectReference({ model: model({ layerScale: 1e-6 }), opset }, [2], 8);
    await expectReference({ model: model({ layerScale: 1e-6, grn: "none" }), opset }, [2], 8);
  });
});

describe("heads", () => {
  const heads: readonly Head[] = [
    classifierOf(0),
    classifierOf(1),
    { kind: "features", levels: [1, 2], norm: true },
    { kind: "features", levels: [2], norm: false },
  ];
  test.each(heads)("%o", head => expectReference({ model: model({ head }) }, [1, 2], 9));
  test("with taps, some of them of one value", () =>
    expectReference({ model: model({ head: { kind: "features", levels: [1, 2], norm: false } }) }, [2], 9, [
      "stages.0",
      "stages.0.0",
      "stages.1",
    ]));
  test("a pooled output that is tapped as well", () =>
    expectReference({ model: model({ head: classifierOf(0) }) }, [2], 9, ["norm"]));
});

describe("specs that nobody thought of", () => {
  const seeds = Array.from({ length: full ? 400 : 24 }, (_, seed) => seed);
  test.each(seeds)("%i", async seed => {
    const { model, batch } = randomModel(seed);
    await expectReference({ model, opset: seed % 2 === 0 ? 20 : 17 }, [batch, 1], seed);
  });
});
