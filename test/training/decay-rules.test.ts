import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { paramsOf } from "../../src/node/inputs/open-weights.ts";
import { decays } from "../../src/training/decay-rules.ts";
import { denseName } from "../support/fcmae.ts";
import { choices, model, randomFcmae, randomModel } from "../support/models.ts";
import { readTrace } from "../support/traces.ts";
import { must } from "../syntax/support.ts";

const traces = readdirSync(new URL("../golden/train", import.meta.url)).map(file => file.replace(".json", ""));

test.each(traces)("decays what the official code does, %s", file => {
  const trace = readTrace(file);
  const names = trace.params.map(([name]) => name);
  const rule = `published_${trace.optimizer.decay_rule}` as const;
  expect(names.filter(name => decays(rule, denseName(name)))).toEqual(trace.decayed);
});

describe("on models of every kind", () => {
  const { pick } = choices(7);
  const models = [
    ...Array.from({ length: 20 }, (_, seed) => randomModel(seed).model),
    ...Array.from({ length: 20 }, (_, seed) => randomFcmae(seed).model),
    model({ grn: "none", layerScale: 1e-6, head: { kind: "features", levels: [1, 2], norm: true } }),
  ];
  const params = models.flatMap(given => must(paramsOf(given)));

  test("published_pretrain is all with more than one dimension but biases", () => {
    const wanted = params.filter(({ name, shape }) => shape.length > 1 && !name.endsWith(".bias"));
    expect(params.filter(({ name }) => decays("published_pretrain", name))).toEqual(wanted);
    expect(decays("published_pretrain", pick(wanted).name)).toBe(true);
  });

  test("published_finetune leaves out GRN and layer scale too", () => {
    const exempt = /\.(bias|gamma|beta)$/;
    const wanted = params.filter(({ name, shape }) => shape.length > 1 && !exempt.test(name));
    expect(params.filter(({ name }) => decays("published_finetune", name))).toEqual(wanted);
  });

  test("default leaves out the mask token besides", () => {
    const other = (rule: "default" | "published_finetune") => params.filter(({ name }) => decays(rule, name));
    expect(other("default")).toEqual(other("published_finetune").filter(({ name }) => name !== "mask_token"));
    expect(params.some(({ name }) => name === "mask_token")).toBe(true);
  });
});
