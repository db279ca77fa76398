import { describe, expect, test } from "vitest";
import type { Draft } from "../../src/import/draft.ts";
import { printDraft } from "../../src/import/print-draft.ts";
import { importTimm } from "../../src/import/timm.ts";
import { networks } from "../../src/import/timm-networks.ts";
import { tagsOf } from "../../src/import/timm-tags.ts";
import { countParameters } from "../../src/model/count.ts";
import { classifierOf } from "../../src/model/model.ts";
import { imagenet, resizedTo } from "../../src/model/preprocess.ts";
import { checkFiles, filesOf, must } from "../syntax/support.ts";
import { tagRows } from "./timm-tags.ts";

const usual = { name: null, features: false };

const parts = (name: string): readonly [network: string, tag: string] => {
  const [network = "", tag = ""] = name.split(".");
  return [network, tag];
};

const norms: Readonly<Record<string, { readonly mean: readonly number[]; readonly std: readonly number[] }>> = {
  imagenet,
  half: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
  clip: { mean: [0.48145466, 0.4578275, 0.40821073], std: [0.26862954, 0.26130258, 0.27577711] },
};

/** What networks have beyond the published ones: timm models/convnext.py, the functions of its networks. */
const options: Readonly<Record<string, Partial<Draft>>> = {
  convnext_zepto_rms: { normLayer: "simplenorm" },
  convnext_zepto_rms_ols: { normLayer: "simplenorm", stem: { patch: 4, overlap: "overlap_act" } },
  convnext_atto_rms: { normLayer: "rmsnorm" },
  convnext_atto_ols: { stem: { patch: 4, overlap: "overlap_tiered" } },
  convnext_femto_ols: { stem: { patch: 4, overlap: "overlap_tiered" } },
  convnext_pico_ols: { stem: { patch: 4, overlap: "overlap_tiered" } },
  convnext_nano_ols: { stem: { patch: 4, overlap: "overlap" } },
  test_convnext: { activation: "gelu_tanh" },
  test_convnext2: { activation: "gelu_tanh" },
  test_convnext3: { activation: "silu" },
};

const optionsOf = ({ normLayer, convBias, stem, activation }: Draft): Partial<Draft> => ({
  ...(normLayer === undefined ? {} : { normLayer }),
  ...(convBias === undefined ? {} : { convBias }),
  ...(stem.overlap === undefined ? {} : { stem }),
  ...(activation === "gelu" ? {} : { activation }),
});

describe("timm's tags", () => {
  test("are all of its source, and no others", () => {
    const known = Object.entries(tagsOf).flatMap(([name, tags]) => Object.keys(tags).map(tag => `${name}.${tag}`));
    expect(known.toSorted()).toEqual(tagRows.map(({ name }) => name).toSorted());
    expect(tagRows).toHaveLength(103);
    expect(Object.keys(tagsOf).toSorted()).toEqual([...networks.keys()].toSorted());
  });

  test.each(tagRows)("$name is as its source has it", ({ name, side, classes, crop, mode, norm, tested }) => {
    const [network, tag] = parts(name);
    const { note: _, ...found } = tagsOf[network]?.[tag] ?? { note: "" };
    expect(found).toEqual({
      side,
      classes: tag === "fcmae" ? null : classes,
      preprocessing: { ...norms[norm], crop_pct: crop, crop_mode: mode, interpolation: "bicubic" },
      ...(tested === null
        ? {}
        : { tested: { side: Number(tested.split("@")[0]), crop: Number(tested.split("@")[1]) } }),
    });
  });

  test.each(tagRows)("$name becomes a model that prepares pictures as it does", row => {
    const { name, side, classes, crop, mode, norm, tested } = row;
    const result = importTimm(name, usual);
    if (!result.ok) throw new Error(result.diagnostics.map(({ message }) => message).join("\n"));
    const { draft, notes } = result.value;
    expect(draft.input).toEqual({ height: side, width: side, channels: 3 });
    expect(draft.head).toEqual(
      name.endsWith(".fcmae")
        ? { kind: "features", levels: [1, 2, 3, 4], norm: false }
        : {
            ...classifierOf(classes),
            ...(name.includes("_mlp.") ? { hiddenSize: 1536 } : {}),
            ...(name.includes("_hnf.") ? { normFirst: true } : {}),
          },
    );
    expect(optionsOf(draft)).toEqual(options[parts(name)[0]] ?? {});
    expect(draft.normEps).toBe(/xxlarge|^test_/.test(name) ? 1e-5 : 1e-6);
    expect(draft.preprocess).toMatchObject({
      ...norms[norm],
      resize: resizedTo(mode === "squash" ? "squash" : "cover", draft.input, crop),
      interpolation: "bicubic",
    });
    expect(notes.join("\n").includes("timm tests these weights at")).toBe(tested !== null);
    const text = printDraft(draft, "Test.");
    const models = text.ok ? [...must(checkFiles(filesOf({ "input.cnx": text.value }))).models.values()] : [];
    expect(models.map(({ preprocess }) => preprocess)).toEqual([draft.preprocess]);
  });

  // results/results-imagenet.csv of timm, in millions.
  test.each([
    ["convnext_zepto_rms", 2.16],
    ["convnext_zepto_rms_ols", 2.16],
    ["convnext_atto", 3.7],
    ["convnext_atto_ols", 3.7],
    ["convnext_femto", 5.22],
    ["convnext_femto_ols", 5.23],
    ["convnext_pico", 9.05],
    ["convnext_pico_ols", 9.06],
    ["convnext_nano", 15.59],
    ["convnext_nano_ols", 15.65],
    ["convnext_tiny", 28.59],
    ["convnext_tiny_hnf", 28.59],
    ["convnext_small", 50.22],
    ["convnext_base", 88.59],
    ["convnext_large", 197.77],
    ["convnext_large_mlp", 200.13],
    ["convnext_xlarge", 350.2],
    ["convnext_xxlarge", 846.47],
    ["test_convnext", 0.27],
    ["test_convnext2", 0.48],
    ["test_convnext3", 0.47],
  ])("%s has the %f million parameters that timm counts", (name, millions) => {
    const result = importTimm(name, usual);
    if (!result.ok) throw new Error(name);
    const text = printDraft(result.value.draft, "Test.");
    const model = text.ok && must(checkFiles(filesOf({ "input.cnx": text.value }))).models.get(name);
    expect(model && Math.round(countParameters(model) / 1e4) / 100).toBe(millions);
  });

  test.each([
    ["convnextv2_nano.fcmae", "an encoder of pre-training has no head: the maps of all stages"],
    ["convnext_base.clip_laiona", "the 640 classes are the dimensions of CLIP's embedding"],
    ["convnext_tiny.dinov3_lvd1689m", "without classes: the pooled vector, normalised"],
    ["convnext_atto.d2_in1k", "timm tests these weights at 288x288 with crop_pct 0.95; the input is 224x224"],
  ])("%s tells what it gives", (name, note) => {
    const result = importTimm(name, usual);
    expect(result.ok && result.value.notes).toContain(note);
  });

  test.each([
    ["convnext_tiny_in22ft1k", "convnext_tiny.fb_in22k_ft_in1k"],
    ["convnext_xlarge_384_in22ft1k", "convnext_xlarge.fb_in22k_ft_in1k_384"],
    ["convnext_large_in22k", "convnext_large.fb_in22k"],
  ])("%s is the former name of %s", (before, now) => {
    expect(importTimm(before, usual)).toEqual(importTimm(now, usual));
  });

  test.each([
    "convnext_tiny.fcmae",
    "convnext_atto.fb_in1k",
    "convnext_xlarge.untrained",
    "convnextv2_huge.fcmae_ft_in22k_in1k",
    "convnextv2_atto.",
    "convnextv2_atto.constructor",
  ])("%s is none that is known", name => {
    expect(importTimm(name, usual).diagnostics).toEqual([
      expect.objectContaining({ code: "import-unknown-tag", message: expect.stringContaining("config.json") }),
    ]);
  });
});
