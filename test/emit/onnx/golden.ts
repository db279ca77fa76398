import { readdirSync } from "node:fs";
import { expect } from "vitest";
import { goldenInput, goldenWeights, readGolden } from "../../support/golden.ts";
import { goldenModel, mustBuild } from "../../support/models.ts";
import { expectLogits, expectTap, limitsOf, type Recorded } from "../../support/tolerance.ts";
import { outputsOf, sessionOf } from "./compiled.ts";

interface Dense {
  readonly taps: Record<string, Recorded>;
  readonly logits: { readonly values: number[] };
}

export const files = ["dense", "options"]
  .flatMap(folder => readdirSync(new URL(`../../golden/${folder}`, import.meta.url)).map(file => `${folder}/${file}`))
  .map(file => file.replace(".json", ""));

/** Without taps, so that every fold and every form is the one that users get; but for whole stages, which no fold crosses. */
export async function checkStages(file: string, opset: 17 | 20): Promise<void> {
  const golden = readGolden<Dense>(file);
  const model = goldenModel(golden);
  const taps = Object.keys(golden.taps).filter(name => /^stages\.\d+$/.test(name));
  const session = await sessionOf({ model, graph: mustBuild(model, taps), weights: goldenWeights(golden), opset });
  const found = await outputsOf(session, model, goldenInput(golden).values);
  expectLogits(found.get("logits")?.data ?? [], golden.logits.values, limitsOf(golden.name));
  for (const name of taps) {
    const recorded = golden.taps[name] as Recorded;
    expect(found.get(name)?.shape, name).toEqual(recorded.shape);
    expectTap(name, found.get(name)?.data ?? [], recorded, limitsOf(golden.name));
  }
}

/** With all modules as outputs most folds are off, and every op is written in its plain form. */
export async function checkModules(file: string): Promise<void> {
  const golden = readGolden<Dense>(file);
  const model = goldenModel(golden);
  const graph = mustBuild(model, Object.keys(golden.taps));
  const session = await sessionOf({ model, graph, weights: goldenWeights(golden) });
  const found = await outputsOf(session, model, goldenInput(golden).values);
  for (const [name, recorded] of Object.entries(golden.taps)) {
    expect(found.get(name)?.shape, name).toEqual(recorded.shape);
    expectTap(name, found.get(name)?.data ?? [], recorded, limitsOf(golden.name));
  }
}
