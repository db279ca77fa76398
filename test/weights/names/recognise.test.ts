import { describe, expect, test } from "vitest";
import { type Dialect, dialects, translate } from "../../../src/weights/names/names.ts";
import { mostKnown, recognise } from "../../../src/weights/names/recognise.ts";
import { goldenParams, readGolden } from "../../support/golden.ts";

const namesOf = (golden: string) => goldenParams(readGolden(golden)).map(({ name }) => name);
const v2 = namesOf("dense/micro-64x64-b2");
const v1 = namesOf("options/micro-v1-64x64-b2");
const state = namesOf("fcmae/micro-128-b2");
/** A model's names in a dialect, as far as that has names for them. */
const namedIn = (dialect: Dialect, names: readonly string[] = v2): readonly string[] =>
  names.flatMap(name => translate(name, "official", dialect, new Map([["final", "3"]]))?.name ?? []);
const below = (prefix: string, names: readonly string[]) => names.map(name => prefix + name);

describe.each(dialects)("%s", dialect => {
  const names = [...new Set([...namedIn(dialect), ...namedIn(dialect, v1)])];
  test.each(["", "module.", "model._orig_mod.model.", "visual.trunk.", "encoder.model.", "sparse_encoder.sp_cnn."])(
    "below '%s', with others beside",
    prefix => {
      const beside = ["criterion.pos_weight", "decode_head.conv_seg.weight", "text.token_embedding.weight", "step"];
      const found = recognise([...beside, ...below(prefix, names)]);
      expect(found).toMatchObject({ prefix, dialect, known: names.length, rivals: [] });
    },
  );
});

describe("what a prefix is", () => {
  test("an optional part of a naming is none", () => {
    expect(recognise(state)).toMatchObject({ prefix: "", dialect: "fcmae", known: state.length });
    expect(recognise(below("m.", state))).toMatchObject({ prefix: "m.", dialect: "fcmae", known: state.length });
    const backbone = namedIn("huggingface").map(name => name.replace(/^convnextv2\./, ""));
    expect(recognise(backbone)).toMatchObject({ prefix: "", dialect: "huggingface" });
  });

  test("an encoder of one naming beside a head of another", () => {
    const names = [...below("encoder.", namedIn("timm")), "classifier.weight", "classifier.bias"];
    expect(recognise(names)).toMatchObject({ prefix: "encoder.", dialect: "timm" });
    expect(recognise([...below("backbone.", v2), "proj.weight", "pred.weight"])).toMatchObject({
      prefix: "backbone.",
      dialect: "official",
    });
  });

  test("none at all comes before one with as many, and the first before the second, which is told", () => {
    expect(recognise([...below("ema.", v2), ...v2])).toMatchObject({ prefix: "", rivals: [] });
    const twice = [...below("student.", v2), ...below("teacher.", v2)];
    expect(recognise(twice)).toMatchObject({ prefix: "student.", rivals: ["teacher."] });
  });

  test("a norm somewhere in another network is none", () => {
    expect(recognise(["layers.0.norm.weight", "layers.0.norm.bias", "layers.0.attn.qkv.weight"])).toBeNull();
    expect(recognise(["module.norm.weight", "module.norm.bias"])).toMatchObject({ prefix: "module." });
    expect(recognise([])).toBeNull();
  });

  test("no deeper than eight dots", () => {
    expect(recognise(below("a.".repeat(8), v2))).toMatchObject({ prefix: "a.".repeat(8) });
    expect(recognise(below("a.".repeat(9), v2))).toBeNull();
  });

  test.each<[string, (k: number) => string]>([
    ["of any kind", k => `layer${k}.weight`],
    ["that begin as known ones", k => `stages.stages.stages.stages.stages.stages.stages.stages.0.0.grn.gamma${k}`],
    ["each below a prefix of its own", k => `x${k}.stages.0.0.dwconv.weight`],
    ["with a dot at every letter", k => `${"e.".repeat(500)}${k}`],
  ])("65,536 strangers %s", { timeout: 20_000 }, (_, nameOf) => {
    const found = recognise(Array.from({ length: 65_536 }, (_, k) => nameOf(k)));
    expect(found?.known ?? 0).toBeLessThan(2);
  });
});

test("of several dictionaries those with most known names, whatever else they hold", () => {
  const sets = {
    metrics: { names: ["best_acc1", "norm.weight"] },
    ema: { names: v2 },
    large: { names: Array.from({ length: 500 }, (_, k) => `x${k}`) },
    model: { names: below("module.", v2) },
  };
  expect(mostKnown(Object.values(sets))).toEqual([sets.ema, sets.model]);
  expect(mostKnown([sets.large])).toEqual([]);
});
