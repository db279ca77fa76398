import { describe, expect, test } from "vitest";
import { evaluate } from "../../../src/graph/evaluate.ts";
import { type Extreme, extremes, hidden, imageOf, modelOf, weightsOf } from "../../support/extremes.ts";
import { full } from "../../support/full.ts";
import { feed, mustBuild } from "../../support/models.ts";
import { relL2 } from "../../support/tolerance.ts";
import { outputsOf, sessionOf } from "./compiled.ts";

async function outputOf(extreme: Extreme, half: boolean): Promise<Float32Array> {
  const model = modelOf(extreme);
  const graph = mustBuild(model);
  const session = await sessionOf({ model, graph, weights: weightsOf(extreme, graph), half });
  return (await outputsOf(session, model, imageOf(extreme))).get("stage1")?.data ?? new Float32Array();
}

describe("f16 with values that it is bad at", () => {
  test.each(extremes)("$name", async extreme => {
    const off = relL2(await outputOf(extreme, true), await outputOf(extreme, false));
    if (full) console.info(extreme.name, off);
    expect(off).toBeLessThan(5e-3);
  });

  // So that the models are what their names say.
  test.each(extremes.filter(({ side }) => side === 56))("$name: the values themselves", async extreme => {
    const model = modelOf(extreme);
    const graph = mustBuild(model, [hidden]);
    const values = evaluate(graph, await feed(graph, weightsOf(extreme, graph), imageOf(extreme), 1));
    const { shape, data } = values.get(hidden) ?? { shape: [0], data: new Float64Array() };
    const channels = shape.at(-1) as number;
    const rms = Array.from({ length: channels }, (_, c) =>
      Math.sqrt(data.reduce((sum, x, i) => sum + (i % channels === c ? x * x : 0), 0) / (data.length / channels)),
    );
    const most = data.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    extreme.expected({ least: Math.min(...rms), largest: Math.max(...rms), most });
  });
});
