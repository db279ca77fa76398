import { describe, expect, test } from "vitest";
import { evaluate, type Values, widen } from "../../src/graph/evaluate.ts";
import { foldingPasses, groupingPasses } from "../../src/passes/all.ts";
import { compactSites, compactSitesAs } from "../../src/passes/compact-sites.ts";
import { runPasses } from "../../src/passes/pass.ts";
import { feedFcmae, randomFcmae } from "../support/fcmae.ts";
import { mustBuild } from "../support/models.ts";
import { relL2 } from "../support/tolerance.ts";

describe("compact and masked encoders give the same numbers", () => {
  test("and so does what the other passes make of both", async () => {
    for (let seed = 0; seed < 12; seed++) {
      const { model, batch } = randomFcmae(seed);
      const built = mustBuild(model);
      const values = await feedFcmae(built, model, batch, seed);
      const wanted = evaluate(built, values);
      for (const layout of ["compact", "masked"] as const) {
        const after = runPasses(built, [compactSitesAs(layout), ...foldingPasses, ...groupingPasses]);
        for (const [name, { data }] of evaluate(after, values))
          expect(relL2(data, wanted.get(name)?.data ?? []), `${seed} ${layout} ${name}`).toBeLessThan(1e-12);
      }
    }
  });
});

const alone = (values: ReadonlyMap<string, Values>, image: number): Map<string, Values> =>
  new Map(
    [...values].map(([name, { shape, data }]) => {
      if (name !== "pixel_values" && name !== "mask") return [name, { shape, data }];
      const size = data.length / (shape[0] as number);
      return [name, { shape: [1, ...shape.slice(1)], data: data.slice(image * size, (image + 1) * size) }];
    }),
  );

test("with GRN per sample an image does not depend on the others", async () => {
  const { model } = randomFcmae(3);
  const graph = compactSites.run(mustBuild({ ...model, grn: "per_sample" }));
  const values = await feedFcmae(graph, model, 3, 3);
  const together = evaluate(graph, values);
  for (let image = 0; image < 3; image++) {
    const one = evaluate(graph, alone(values, image));
    for (const name of ["pred", "encoded"]) {
      const { data = new Float64Array(), shape = [1] } = together.get(name) ?? {};
      const size = data.length / (shape[0] as number);
      expect(one.get(name)?.data).toEqual(data.slice(image * size, (image + 1) * size));
    }
  }
});

test("kept sites that are exactly zero stay kept", async () => {
  const { model } = randomFcmae(8);
  const graph = compactSites.run(mustBuild(model));
  const values = await feedFcmae(graph, model, 1, 8);
  const zero = { ...(values.get("pixel_values") as Values) };
  values.set("pixel_values", widen(zero.shape, new Float32Array(zero.data.length)));
  const masked = evaluate(mustBuild(model), values);
  const found = evaluate(graph, values);
  expect(relL2(found.get("encoded")?.data ?? [], masked.get("encoded")?.data ?? [])).toBeLessThan(1e-12);
});
