import { describe, expect, test } from "vitest";
import { evaluate } from "../../../src/graph/evaluate.ts";
import { goldenInput, goldenWeights, readGolden } from "../../support/golden.ts";
import { feed, goldenModel, mustBuild } from "../../support/models.ts";
import { expectTap, type Recorded } from "../../support/tolerance.ts";
import { outputsOf, sessionOf } from "./compiled.ts";

/** Files of PyTorch's, by test/golden/record_output_stride.py. */
const files = ["micro-16-64x64-b2", "micro-8-64x96-b1", "micro-8-odd-37x51-b1", "micro-4-v1-40x33-b1"].map(name => {
  const golden = readGolden<{ readonly maps: Readonly<Record<string, Recorded>> }>(`output-stride/${name}`);
  const outputStride = golden.spec.output_stride as number;
  const model = goldenModel(golden, { kind: "features", levels: [1, 2, 3, 4], norm: false, outputStride });
  return { name, golden, model, graph: mustBuild(model), weights: goldenWeights(golden) };
});

describe.each(files)("maps that keep their size are PyTorch's: $name", ({ golden, model, graph, weights }) => {
  const { shape, values } = goldenInput(golden);
  const [batch = 0] = shape;

  test("the interpreter's", async () => {
    const outputs = evaluate(graph, await feed(graph, weights, values, batch));
    for (const [name, recorded] of Object.entries(golden.maps)) {
      expect(outputs.get(name)?.shape, name).toEqual(recorded.shape);
      expectTap(name, outputs.get(name)?.data ?? [], recorded);
    }
  });

  test("ONNX Runtime's, of a graph of one size and of one of any", async () => {
    for (const anySize of [false, true]) {
      const found = await outputsOf(await sessionOf({ model, graph, weights, anySize }), model, values);
      for (const [name, recorded] of Object.entries(golden.maps)) {
        expect(found.get(name)?.shape, name).toEqual(recorded.shape);
        expectTap(name, found.get(name)?.data ?? [], recorded);
      }
    }
  });
});
