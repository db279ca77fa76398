import { describe, expect, test } from "vitest";
import { build } from "../../src/graph/build.ts";
import { evaluate, type Values, widen } from "../../src/graph/evaluate.ts";
import { verify } from "../../src/graph/verify.ts";
import { foldingPasses, gradientPasses, groupingPasses } from "../../src/passes/all.ts";
import { compactLoss } from "../../src/passes/compact-loss.ts";
import { compactSites, compactSitesAs, compactStages } from "../../src/passes/compact-sites.ts";
import { type Pass, runPasses } from "../../src/passes/pass.ts";
import { splitGrn } from "../../src/passes/split-grn.ts";
import { feedFcmae, randomFcmae } from "../support/fcmae.ts";
import { model, mustBuild } from "../support/models.ts";
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

/** Three stages of which each may be compact or masked, small enough to try every choice. */
const small = model({
  depths: [1, 2, 1],
  dims: [3, 4, 5],
  kernels: [3, 5, 3],
  input: { height: 32, width: 48, channels: 2 },
  head: { kind: "fcmae", maskRatio: 0.5, patchSize: 16, decoder: { depth: 1, dim: 3 }, normPixLoss: true },
});
const subsets = Array.from({ length: 8 }, (_, bits) => [8, 4, 2].filter((_, i) => (bits >> i) % 2 === 1));

describe.each([
  { taps: [] },
  { taps: ["downsample_layers.0", "stages.0.0"] },
  { taps: ["downsample_layers.1.0", "stages.1.0.dwconv", "stages.1.1.act"] },
  { taps: ["encoder", "stages.1"] },
])("with taps $taps", ({ taps }) => {
  const built = mustBuild(small, taps);

  test.each(subsets.map(stages => ({ stages })))("stages of $stages rows run compact alone", async ({ stages }) => {
    const values = await feedFcmae(built, small, 2, 3);
    const after = verify(compactStages(built, new Set(stages)), "compact-sites");
    const [count, before] = [after, built].map(
      ({ nodes }) => [...nodes.values()].filter(({ op }) => op === "depthwise").length,
    );
    const blocks = { 8: 1, 4: 2, 2: 1 } as const;
    expect(count).toBe((before ?? 0) - stages.reduce((sum, rows) => sum + blocks[rows as keyof typeof blocks], 0));
    const wanted = evaluate(built, values);
    for (const [name, { data, shape }] of evaluate(after, values)) {
      expect(shape, name).toEqual(wanted.get(name)?.shape);
      expect(relL2(data, wanted.get(name)?.data ?? []), name).toBeLessThan(1e-12);
    }
  });
});

test("maps are gathered from the image where the first stage is compact, and put back once where it is not", () => {
  const built = mustBuild(small);
  const opsOf = (stages: readonly number[], op: string, graph = built) =>
    [...compactStages(graph, new Set(stages)).nodes.values()].filter(node => node.op === op).map(({ id }) => id);
  expect(opsOf([8, 4, 2], "gatherSites")).toEqual(["pixel_values.nhwc.visible"]);
  expect(opsOf([4], "gatherSites")).toEqual(["stages.0.0.visible.visible"]);
  const tapped = mustBuild(small, ["downsample_layers.1.0"]);
  expect(opsOf([4], "gatherSites", tapped)).toEqual(["downsample_layers.1.0.compact"]);
  expect(opsOf([8, 4, 2], "maskSites")).toEqual([]);
  expect(opsOf([], "patchTable")).toEqual([]);
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

/** Where a compact stage stands before a masked one, gradients come back through what puts its patches in place. */
test.each(subsets.map(stages => ({ stages })))(
  "and gradients are the same with $stages rows compact",
  async ({ stages }) => {
    const built = build(small, [], { dropPath: false });
    if (!built.ok) throw new Error("the model does not build");
    const network = built.value;
    const values = await feedFcmae(network, small, 2, 3);
    const gradients = gradientPasses(({ op }) => op === "param");
    const wanted = evaluate(runPasses(network, [splitGrn, ...gradients]), values);
    const layout: Pass = { ...compactSites, run: graph => compactStages(graph, new Set(stages)) };
    const found = evaluate(runPasses(network, [layout, splitGrn, compactLoss, ...gradients]), values);
    expect([...found.keys()]).toEqual([...wanted.keys()]);
    const whole = Math.hypot(...[...wanted.values()].flatMap(({ data }) => [...data]));
    for (const [name, { data }] of wanted) {
      const off = (found.get(name)?.data ?? []).map((v, i) => v - (data[i] as number));
      expect(Math.hypot(...off), name).toBeLessThan(1e-12 * whole);
    }
  },
);
