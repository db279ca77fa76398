import { expect } from "vitest";
import { evaluate } from "../../src/graph/evaluate.ts";
import { print } from "../../src/graph/print.ts";
import { read } from "../../src/graph/read.ts";
import { allPasses } from "../../src/passes/all.ts";
import { runPasses } from "../../src/passes/pass.ts";
import { feed, mustBuild, randomModel, testInput, testWeights } from "../support/models.ts";
import { relL2 } from "../support/tolerance.ts";

/** No pass changes what a random model computes, and every graph on the way is read back as it is printed. */
export async function expectSameValues(seed: number): Promise<void> {
  const { model, batch } = randomModel(seed);
  const graph = mustBuild(model);
  const weights = testWeights(graph, seed);
  const input = testInput(model, batch, seed);
  const wanted = evaluate(graph, await feed(graph, weights, input, batch));
  const values = await feed(graph, weights, input, batch);
  let steps = 0;
  runPasses(graph, allPasses, {
    pass(pass, before, after) {
      steps++;
      expect(print(read(print(after)))).toBe(print(after));
      if (pass.name.startsWith("fuse")) expect(after.nodes).toEqual(before.nodes);
      const found = evaluate(after, values);
      for (const [name, value] of wanted) {
        expect(found.get(name)?.shape).toEqual(value.shape);
        expect(relL2(found.get(name)?.data ?? [], value.data), `${name} after ${pass.name}`).toBeLessThan(1e-12);
      }
    },
  });
  expect(steps).toBe(allPasses.length);
}
