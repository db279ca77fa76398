import { expect, test } from "vitest";
import { evaluate } from "../../../src/graph/evaluate.ts";
import { type Folds, foldOrders, writeFolds } from "../../support/folds.ts";
import { feed, model, mustBuild, testInput, testWeights } from "../../support/models.ts";
import { relL2 } from "../../support/tolerance.ts";
import { outputsOf, sessionOf } from "./compiled.ts";

test.each(Object.keys(foldOrders))("constants hold folds in whatever order they come: %s", async name => {
  const given = model({ dims: [6, 9], layerScale: 0.5 });
  const graph = writeFolds(foldOrders[name] as Folds).run(mustBuild(given));
  const weights = testWeights(graph, 11);
  const input = testInput(given, 2, 11);
  const wanted = evaluate(graph, await feed(graph, weights, input, 2)).get("logits")?.data ?? [];
  const session = await sessionOf({ model: given, graph, weights });
  const found = await outputsOf(session, given, input);
  expect(relL2(found.get("logits")?.data ?? [], wanted)).toBeLessThan(1e-5);
});
