import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { evaluate } from "../../src/graph/evaluate.ts";
import { verify } from "../../src/graph/verify.ts";
import { goldenInput, goldenWeights, readGolden } from "../support/golden.ts";
import { feed, goldenModel, mustBuild } from "../support/models.ts";
import { expectLogits, expectTap, type Recorded } from "../support/tolerance.ts";

interface Dense {
  readonly taps: Record<string, Recorded>;
  readonly logits: { readonly values: number[] };
}

const files = ["dense", "options"]
  .flatMap(folder => readdirSync(new URL(`../golden/${folder}`, import.meta.url)).map(file => `${folder}/${file}`))
  .map(file => file.replace(".json", ""))
  .filter(file => /micro|stages|atto-96/.test(file));

describe("the interpreter gives PyTorch's numbers", () => {
  test.each(files)("%s", async file => {
    const golden = readGolden<Dense>(file);
    const graph = mustBuild(goldenModel(golden), Object.keys(golden.taps));
    verify(graph, "build");
    const params = [...graph.nodes.values()].filter(node => node.op === "param").map(node => node.id);
    expect(params.sort()).toEqual(golden.params.map(([name]) => name).sort());
    const { shape, values } = goldenInput(golden);
    const found = evaluate(graph, await feed(graph, goldenWeights(golden), values, shape[0] as number));
    expectLogits(found.get("logits")?.data ?? [], golden.logits.values);
    for (const [name, recorded] of Object.entries(golden.taps)) {
      expect(found.get(name)?.shape, name).toEqual(recorded.shape);
      expectTap(name, found.get(name)?.data ?? [], recorded);
    }
  });
});
