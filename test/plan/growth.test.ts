import { expect, test } from "vitest";
import { fusions } from "../../src/explain.ts";
import type { Graph, Node, ValueId } from "../../src/graph/graph.ts";
import { allPasses } from "../../src/passes/all.ts";
import { runPasses } from "../../src/passes/pass.ts";
import { type Lifetime, layOut } from "../../src/plan/memory.ts";
import { schedule } from "../../src/plan/schedule.ts";
import { profileFor } from "../../src/plan/tiles/tuning-profiles.ts";
import { model, mustBuild } from "../support/models.ts";

/** Nodes that say how often the whole of them was gone through. */
class Counted extends Map<ValueId, Node> {
  walks = 0;
  override values() {
    this.walks++;
    return super.values();
  }
  override keys() {
    this.walks++;
    return super.keys();
  }
}

const walksOf = (blocks: number, use: (graph: Graph) => unknown): number => {
  const graph = runPasses(mustBuild(model({ depths: [blocks], dims: [8] })), allPasses);
  const nodes = new Counted(graph.nodes);
  use({ ...graph, nodes });
  return nodes.walks;
};

test.each([
  ["a plan", (graph: Graph) => schedule(graph, { min: 1, max: 1 }, profileFor("gpu", { max: 1 }))],
  ["a plan for CUDA", (graph: Graph) => schedule(graph, { min: 1, max: 1 }, profileFor("cuda", { max: 1 }))],
  ["what fusions save", fusions],
] as const)("S77: %s goes through a long graph as often as through a short one", (_, use) => {
  const short = walksOf(2, use);
  expect(short).toBeGreaterThan(0);
  expect(walksOf(20, use)).toBe(short);
});

test("S77: a value is compared with those that live beside it, not with all others", () => {
  const looksOf = (count: number): number => {
    let looks = 0;
    const values = Array.from({ length: count }, (_, at): Lifetime => {
      const life = {
        name: `v${`${at}`.padStart(6, "0")}`,
        bytes: 256,
        from: at,
        apart: at > 0 ? [`v${`${at - 1}`.padStart(6, "0")}`] : [],
      };
      return Object.defineProperty({ ...life, to: 0 }, "to", {
        get: () => {
          looks++;
          return at + 1;
        },
      });
    });
    expect(layOut(values, 256).arenas).toEqual([256, 256]);
    return looks;
  };
  expect(looksOf(2000)).toBeLessThan(12 * looksOf(200));
});
