import { readFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { analyse, planTraining } from "../../../src/compile.ts";
import { ok } from "../../../src/diagnostics/diagnostic.ts";
import { cudaTarget } from "../../../src/emit/cuda/target.ts";
import { cutAtSegments } from "../../../src/emit/cuda/trainer/segments.ts";
import { stateOf } from "../../../src/emit/cuda/trainer/state.ts";
import type { Model, Recipe, StorageType } from "../../../src/model/model.ts";
import { bufferOf, valuesOf } from "../../../src/plan/plan.ts";
import { goldenFiles } from "../../graph/gradients.ts";
import { denseGradients, fcmaeGradients } from "../../support/gradients.ts";
import { must } from "../../syntax/support.ts";

const specs = path.join(import.meta.dirname, "../../../specs");
const text = (name: string) => readFileSync(path.join(specs, name), "utf8");
const { program } = must(
  analyse({ name: "train.cnx", text: text("train.cnx") }, name => ok({ name, text: text(name) })),
);

function segmentsOf(name: string, dtype: StorageType, tf32 = false) {
  const recipe = program.recipes.get(name) as Recipe;
  const model = program.models.get(recipe.model) as Model;
  const { plan } = must(planTraining({ recipe, model, target: cudaTarget(dtype, { tf32 }) }));
  const state = stateOf(plan);
  return { plan, state, segments: cutAtSegments(plan, state) };
}

describe("a plan that learns is cut into segments", () => {
  test.each([
    ["pretrain_atto", "f32", false],
    ["finetune_atto", "f32", true],
    ["pretrain_base", "bf16", false],
    ["finetune_base", "f16", false],
  ] as const)("%s in %s", (name, dtype, tf32) => {
    const { plan, state, segments } = segmentsOf(name, dtype, tf32);
    expect(segments.map(segment => segment.name)).toEqual(state.segments.map(segment => segment.name).toReversed());

    // Each parameter learns in one of them, from a gradient that this one writes.
    expect(segments.flatMap(({ params }) => params).toSorted()).toEqual(plan.params.map(({ name }) => name).toSorted());
    for (const { params, backward } of segments) {
      const written = new Set(backward.steps.flatMap(step => valuesOf(step, "write")));
      for (const param of params) expect(written.has(state.learned.get(param)?.gradient ?? "")).toBe(true);
    }

    // Every step runs, in the order of the plan; what comes of the mask alone may run in several parts.
    const parts = [...segments.map(({ forward }) => forward), ...segments.toReversed().map(({ backward }) => backward)];
    const ran = parts.flatMap(({ steps }) => steps);
    const ofMask = new Set(["elementwise", "patchTable", "maskedMeanGrad", "gatherSites"]);
    const counts = new Map(plan.steps.map(step => [step, ran.filter(one => one === step).length]));
    for (const [step, count] of counts) {
      if (step.name.startsWith("mask") && ofMask.has(step.kind)) expect(count, step.name).toBeGreaterThan(0);
      else expect(count, step.name).toBe(1);
    }
    const once = ran.filter(step => counts.get(step) === 1);
    expect(once).toEqual(plan.steps.filter(step => counts.get(step) === 1));

    // One value goes on, one gradient comes back, of one size; nothing else leaves a segment but what it saves for itself.
    for (const [i, segment] of segments.entries()) {
      const next = segments[i + 1];
      expect(segment.forward.outputs.map(({ buffer }) => buffer)).toEqual([segment.made, ...segment.saved]);
      expect(next === undefined ? null : next.given).toBe(next === undefined ? null : segment.made);
      expect(segment.gradientOfMade).toBe(next?.gradientOfGiven ?? null);
      if (segment.given === null || segment.gradientOfGiven === null) {
        expect([i, segment.given, segment.gradientOfGiven]).toEqual([0, null, null]);
        continue;
      }
      const [given, gradient] = [bufferOf(plan, segment.given), bufferOf(plan, segment.gradientOfGiven)];
      expect([gradient.elements, gradient.storage]).toEqual([given.elements, given.storage]);
    }
  });

  test.each([
    ...goldenFiles("dense-grad").map(file => [file, () => denseGradients(file).model] as const),
    ...goldenFiles("fcmae-grad").map(file => [file, () => fcmaeGradients(file).model] as const),
  ])("of each shape whose gradients are on record: %s", (_, make) => {
    const model = make();
    const recipe = program.recipes.get(model.head.kind === "fcmae" ? "pretrain_atto" : "finetune_atto") as Recipe;
    const { plan } = must(planTraining({ recipe: { ...recipe, batch: 2 }, model, target: cudaTarget("f32") }));
    const state = stateOf(plan);
    const segments = cutAtSegments(plan, state);
    expect(segments.map(({ name }) => name)).toEqual(state.segments.map(({ name }) => name).toReversed());
    expect(segments.length).toBeGreaterThan(model.stages.length);
  });

  test("the deepest stage in halves", () => {
    expect(segmentsOf("pretrain_atto", "f32").segments.map(({ name }) => name)).toEqual([
      ...["stages.0", "stages.1", "stages.2, first half", "stages.2, second half", "stages.3", "head"],
    ]);
  });
});
