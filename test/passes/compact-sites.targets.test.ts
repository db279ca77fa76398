import { describe, expect, test } from "vitest";
import { evaluate } from "../../src/graph/evaluate.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { verify } from "../../src/graph/verify.ts";
import type { Model } from "../../src/model/model.ts";
import { compactSitesAs, compactStages } from "../../src/passes/compact-sites.ts";
import { stageCosts } from "../../src/passes/site-layout.ts";
import { feedFcmae, randomFcmae } from "../support/fcmae.ts";
import { full } from "../support/full.ts";
import { choices, mustBuild } from "../support/models.ts";
import { relL2 } from "../support/tolerance.ts";

/** Taps at some places, which keep the values there from being passed over. */
const someTaps = (seed: number, { stages }: Model): readonly string[] => {
  const { int, pick } = choices(seed + 77);
  const last = stages.length - 1;
  const all = ["downsample_layers.0", "encoder", "stages.0.0", `stages.${last}`, `stages.${last}.0.dwconv`];
  return int(0, 2) > 0 ? [] : [pick(all)];
};

/** All stages compact, or some of them, whatever they cost. */
function someCompact(seed: number, graph: Graph): Graph {
  const { int } = choices(seed + 13);
  if (seed % 2 === 0) return compactSitesAs("compact").run(graph);
  return compactStages(graph, new Set(stageCosts(graph).flatMap(({ stage }) => (int(0, 1) === 1 ? [stage] : []))));
}

describe("compact and masked encoders give the same numbers", () => {
  test.each(Array.from({ length: full ? 25 : 2 }, (_, i) => i))("specs and masks, part %i of many", async part => {
    for (let i = 0; i < 20; i++) {
      const seed = part * 20 + i;
      const { model, batch } = randomFcmae(seed);
      const built = mustBuild(model, someTaps(seed, model));
      const values = await feedFcmae(built, model, batch, seed);
      const wanted = evaluate(built, values);
      const after = verify(someCompact(seed, built), "compact-sites");
      for (const [name, { data, shape }] of evaluate(after, values)) {
        expect(shape, `${seed} ${name}`).toEqual(wanted.get(name)?.shape);
        expect(relL2(data, wanted.get(name)?.data ?? []), `${seed} ${name}`).toBeLessThan(1e-12);
      }
    }
  });
});
